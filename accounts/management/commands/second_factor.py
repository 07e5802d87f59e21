"""`manage.py second_factor USER`: a secret for the user's authenticator app, and printed codes."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.exceptions import Problem
from accounts.second_factor import enrol, remove
from accounts.services.users import get_user


class Command(BaseCommand):
    """Shown this once; a new one takes the place of the old."""

    help = "Give a user a second factor; print the address for an app, and codes for one use each."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The user."""
        parser.add_argument("username")
        parser.add_argument("--remove", action="store_true", help="Let the password be enough.")

    def handle(self, *_: Any, **options: Any) -> None:
        """Raises CommandError."""
        try:
            user = get_user(username=options["username"])
        except Problem as problem:
            raise CommandError(problem.detail) from None
        if options["remove"]:
            remove(user=user)
            self.stdout.write(f"{user.username} has no second factor.")
            return
        address, codes = enrol(user=user)
        self.stdout.write("\n".join([address, *codes]))
