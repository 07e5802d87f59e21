"""`manage.py revoke COLLECTION --user NAME`: takes back what was granted."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.policy import Role
from embeddings.management.arguments import add_grantee, collection_named
from embeddings.services.grants import delete_grant, find_grants


class Command(BaseCommand):
    """Through the service that the API uses."""

    help = "Revoke what was granted on a collection to a user or a team."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The collection, of whom, and which role."""
        parser.add_argument("collection")
        add_grantee(parser)
        parser.add_argument(
            "--role", choices=[role.value for role in Role], help="This one alone; all without."
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Raises CommandError where nothing was granted."""
        collection = collection_named(options["collection"])
        grants = [
            grant
            for grant in find_grants(
                collection=collection, user=options["user"], team=options["team"]
            )
            if options["role"] in (None, grant.role)
        ]
        if not grants:
            raise CommandError("Nothing of the kind was granted.")
        with transaction.atomic():
            for grant in grants:
                delete_grant(grant=grant)
                self.stdout.write(f"{grant.grantee} is no {grant.role} of {collection} any more.")
