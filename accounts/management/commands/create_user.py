"""`manage.py create_user NAME`: a user of the service, and of the console if asked for."""

import getpass
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.exceptions import Problem
from accounts.policy import SiteRole
from accounts.services.teams import change_team, get_team
from accounts.services.users import create_user


class Command(BaseCommand):
    """Through the service that the API uses."""

    help = "Make a user, who may come with API tokens, and with --console into the console too."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The user's name, role and teams."""
        parser.add_argument("username")
        parser.add_argument(
            "--role", choices=[role.value for role in SiteRole], default=SiteRole.MEMBER.value
        )
        parser.add_argument(
            "--team", action="append", default=[], help="Which the user joins; repeatable."
        )
        parser.add_argument(
            "--console", action="store_true", help="Ask for a password; let the user into /admin/."
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Raises CommandError."""
        username = options["username"]
        password = _asked() if options["console"] else None
        try:
            with transaction.atomic():
                user = create_user(
                    username=username,
                    password=password,
                    console=options["console"],
                    fields={"role": SiteRole(options["role"])},
                )
                for name in options["team"]:
                    change_team(team=get_team(name=name), add=[user.username], limits={})
        except Problem as problem:
            raise CommandError(problem.detail) from None
        self.stdout.write(f"Made {user.username}, {user.site_role}.")


def _asked() -> str:
    password = getpass.getpass("Password: ")
    try:
        validate_password(password)
    except ValidationError as error:
        raise CommandError(" ".join(error.messages)) from None
    if getpass.getpass("Once more: ") != password:
        raise CommandError("The two are not the same.")
    return password
