"""`manage.py grant COLLECTION ROLE --user NAME`: lets a user or a team into a collection."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.exceptions import Problem
from accounts.policy import Role
from embeddings.management.arguments import add_grantee, collection_named, json_of
from embeddings.services.grants import create_grant


class Command(BaseCommand):
    """Through the service that the API uses."""

    help = "Grant a role on a collection to a user or a team."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The collection, the role, to whom, and on which documents."""
        parser.add_argument("collection")
        parser.add_argument("role", choices=[role.value for role in Role])
        add_grantee(parser)
        parser.add_argument(
            "--row-filter", metavar="JSON", help="Metadata filter of the documents that it opens."
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Raises CommandError."""
        spelled = options["row_filter"]
        row_filter = None if spelled is None else json_of(spelled, option="--row-filter")
        try:
            grant = create_grant(
                collection=collection_named(options["collection"]),
                role=Role(options["role"]),
                user=options["user"],
                team=options["team"],
                row_filter=row_filter,
            )
        except Problem as problem:
            raise CommandError(problem.detail) from None
        self.stdout.write(f"{grant.grantee} is {grant.role} of {options['collection']}.")
