"""`manage.py create_api_token USER`: the token alone on stdout, for scripts to take."""

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.exceptions import Problem
from accounts.models import User
from accounts.models.limits import LIMITS
from accounts.policy import Action
from accounts.services.tokens import create_api_token
from embeddings.management.arguments import collection_named, json_of
from embeddings.types.filter import parse_filter

MAX_DAYS = 36_500


class Command(BaseCommand):
    """Makes a token; it is shown this once, only a keyed hash is stored."""

    help = "Make an API token for a user and print it; it can't be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The user, what the token is for, and what it leaves of the user's rights."""
        parser.add_argument("username")
        parser.add_argument("--name", default="command line", help="What the token is for.")
        parser.add_argument("--expires-days", type=int, help="Never without.")
        parser.add_argument(
            "--scope",
            action="append",
            choices=[action.value for action in Action],
            help="An action that it may be used for; repeatable, all without.",
        )
        parser.add_argument(
            "--collection",
            action="append",
            metavar="NAME",
            help="A collection that it may touch; repeatable, all without.",
        )
        parser.add_argument(
            "--row-filter", metavar="JSON", help="Metadata filter that each document has to pass."
        )
        parser.add_argument(
            "--network",
            action="append",
            metavar="CIDR",
            help="Addresses that it may come from, such as 10.0.0.0/8; repeatable.",
        )
        for name in LIMITS:
            parser.add_argument("--" + name.replace("_", "-"), type=int, help="Unlimited without.")

    def handle(self, *_: Any, **options: Any) -> None:
        """Raises CommandError for an unknown or inactive user, and for impossible options."""
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(
                f"There is no user {options['username']!r}. Make one in the console,"
                " or with manage.py create_user."
            )
        if not user.is_active:
            raise CommandError(f"The user {user.username!r} is not active.")
        if not 0 < len(options["name"]) <= 100:
            raise CommandError("--name takes 1 to 100 characters.")
        names, scopes = options["collection"], options["scope"]
        limits: dict[str, Any] = {name: _limit(name, options[name]) for name in LIMITS}
        try:
            plaintext = create_api_token(
                user=user,
                name=options["name"],
                expires_at=_expiry(options["expires_days"]),
                scopes=scopes and [Action(scope) for scope in scopes],
                collections=names and [collection_named(name).pk for name in names],
                row_filter=_row_filter(options["row_filter"]),
                networks=options["network"],
                **limits,
            )[1]
        except Problem as problem:
            raise CommandError(problem.detail) from None
        self.stdout.write(plaintext)


def _expiry(days: int | None) -> datetime | None:
    if days is None:
        return None
    if not 0 < days <= MAX_DAYS:
        raise CommandError(f"--expires-days takes 1 to {MAX_DAYS}.")
    return timezone.now() + timedelta(days=days)


def _row_filter(spelled: str | None) -> dict[str, Any] | None:
    if spelled is None:
        return None
    row_filter: dict[str, Any] = json_of(spelled, option="--row-filter")
    parse_filter(row_filter, param="--row-filter")
    return row_filter


def _limit(name: str, value: int | None) -> int | None:
    if value is not None and not 0 <= value <= LIMITS[name]:
        raise CommandError(f"--{name.replace('_', '-')} takes 0 to {LIMITS[name]}.")
    return value
