"""Callers who come with an access token of our OAuth 2.0 server."""

import hashlib
from datetime import UTC, datetime
from functools import cache

from django.conf import settings
from django.utils import timezone
from oauth2_provider.models import AccessToken

from accounts.exceptions import InvalidToken
from accounts.lookup import Lookup, compile_lookup, look_up
from accounts.policy import Action
from accounts.services.callers import Caller, recognise


def verify_access_token(*, token: str) -> Caller:
    """The caller that the token stands for, narrowed to its scopes. Raises InvalidToken."""
    if not settings.EMBED.oauth:
        raise InvalidToken
    return recognise(kind="oauth", proof=token.encode(), verify=lambda: _verify(token))


def _verify(token: str) -> Caller:
    checksum = hashlib.sha256(token.encode()).hexdigest()
    found = look_up(_live_token(), checksum=checksum, now=timezone.now())
    if found is None:
        raise InvalidToken
    named = found.scope.split()
    scopes = frozenset(action for action in Action if action.value in named)
    principal = found.user.as_principal(scopes=scopes)
    return Caller(found.user, principal, "oauth", found.expires.timestamp())


@cache
def _live_token() -> Lookup[AccessToken]:
    checksum, now = "\0checksum", datetime.max.replace(tzinfo=UTC)
    tokens = AccessToken.objects.filter(
        token_checksum=checksum, expires__gt=now, user__is_active=True
    )
    return compile_lookup(tokens, related="user", checksum=checksum, now=now)
