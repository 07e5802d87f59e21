"""`manage.py create_api_token USER`: the token alone on stdout, for scripts to take."""

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import User
from accounts.services.tokens import create_api_token

MAX_DAYS = 36_500


class Command(BaseCommand):
    """Makes a token; it is shown this once, only a keyed hash is stored."""

    help = "Make an API token for a user and print it; it can't be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The user, and what the token is for."""
        parser.add_argument("username")
        parser.add_argument("--name", default="command line", help="What the token is for.")
        parser.add_argument("--expires-days", type=int, help="Never without.")

    def handle(self, *_: Any, **options: Any) -> None:
        """Raises CommandError for an unknown or inactive user, and for impossible options."""
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(
                f"There is no user {options['username']!r}. Make one in the admin,"
                " or with manage.py createsuperuser."
            )
        if not user.is_active:
            raise CommandError(f"The user {user.username!r} is not active.")
        if not 0 < len(options["name"]) <= 100:
            raise CommandError("--name takes 1 to 100 characters.")
        plaintext = create_api_token(
            user=user, name=options["name"], expires_at=_expiry(options["expires_days"])
        )[1]
        self.stdout.write(plaintext)


def _expiry(days: int | None) -> datetime | None:
    if days is None:
        return None
    if not 0 < days <= MAX_DAYS:
        raise CommandError(f"--expires-days takes 1 to {MAX_DAYS}.")
    return timezone.now() + timedelta(days=days)
