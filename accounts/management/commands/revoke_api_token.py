"""`manage.py revoke_api_token KEY …`: refuses tokens, and all that they made."""

import re
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import ApiToken
from accounts.services.tokens import revoke_api_token
from accounts.token_format import KEY_PATTERN

NAMED = re.compile(rf"(?:emb_)?({KEY_PATTERN})(?:_.*)?", re.DOTALL)
"""A key, or a token that was found where it should not be."""


class Command(BaseCommand):
    """Through the service that the API uses."""

    help = "Revoke API tokens, and all that they made; every process refuses them within a second."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which ones."""
        parser.add_argument(
            "keys", nargs="*", metavar="KEY", help="The part behind emb_, or the whole token."
        )
        parser.add_argument("--user", metavar="NAME", help="All of this user's.")

    def handle(self, *_: Any, **options: Any) -> None:
        """Raises CommandError for a key that no token has; then none is revoked."""
        tokens = [_token(text) for text in options["keys"]]
        if options["user"] is not None:
            tokens += ApiToken.objects.filter(user__username=options["user"], revoked_at=None)
        if not tokens:
            raise CommandError("There is nothing to revoke. Name keys, or a --user with tokens.")
        revoked = sum(revoke_api_token(token=token) for token in tokens)
        self.stdout.write(f"Revoked {revoked}.")


def _token(text: str) -> ApiToken:
    """Never repeats the text: it may be a secret."""
    named = NAMED.fullmatch(text)
    token = ApiToken.objects.filter(key=named[1]).first() if named else None
    if token is None:
        raise CommandError("There is no token with one of these keys.")
    return token
