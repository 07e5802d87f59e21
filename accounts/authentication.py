"""Turns the credentials of a request into a user and a principal."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts.actor import identify
from accounts.addresses import client_address
from accounts.certificates import client_certificate
from accounts.exceptions import InvalidToken
from accounts.models import User
from accounts.principal import Principal
from accounts.services.callers import Caller
from accounts.services.certificates import verify_certificate
from accounts.services.jwt import verify_jwt
from accounts.services.oauth import verify_access_token
from accounts.services.verified_tokens import verify_api_token

CHALLENGE = 'Bearer realm="embedding service"'
API_TOKEN = "emb_"  # noqa: S105 - how every one begins
HEADERS = ("HTTP_AUTHORIZATION", "HTTP_X_API_KEY", "HTTP_API_KEY")
"""Where a credential may be; never in a URL, which is logged on its way."""


class AnyCredential(BaseAuthentication):
    """`Authorization: Bearer <token>`; also the bare token, `X-API-Key` and `api-key`, which
    clients of other services send; or, without any, a client certificate.

    The shape of the token says what it is. Whatever is wrong with it, the refusal is the same.
    """

    def authenticate(self, request: Request) -> tuple[User, Principal] | None:
        """The user and its principal; None without credentials. Raises InvalidToken."""
        presented = _credential(request.META)
        if presented is not None and presented.startswith(API_TOKEN):
            token = verify_api_token(presented, address=client_address(request._request))
            _name(token.user, "api_token", token_id=token.pk)
            return token.user, token.principal
        caller = _from_certificate(request) if presented is None else _from_bearer(presented)
        if caller is None:
            return None
        _name(caller.user, caller.credential)
        return caller.user, caller.principal

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002  the interface is DRF's
        """The challenge that turns a refusal into 401."""
        return CHALLENGE


def _from_bearer(token: str) -> Caller:
    if token.count(".") == 2:
        return verify_jwt(token=token)
    return verify_access_token(token=token)


def _from_certificate(request: Request) -> Caller | None:
    if settings.EMBED.mtls == "off":
        return None
    try:
        certificate = client_certificate(request.META)
    except ValueError:
        raise InvalidToken from None
    return None if certificate is None else verify_certificate(certificate=certificate)


def _credential(environ: Mapping[str, Any]) -> str | None:
    """The one that the request carries; two that differ are none, as nobody can say which counts.
    Raises InvalidToken.
    """
    given = {_bare(environ[name], name) for name in HEADERS if environ.get(name)}
    if len(given) > 1:
        raise InvalidToken
    return given.pop() if given else None


def _bare(value: str, name: str) -> str:
    if name != "HTTP_AUTHORIZATION":
        return value
    scheme, _, rest = value.strip().partition(" ")
    if not rest:
        return scheme
    if scheme.lower() != "bearer":
        raise InvalidToken
    return rest.strip()


def _name(user: User, credential: str, *, token_id: int | None = None) -> None:
    identify(
        user_id=user.pk,
        username=user.username,
        credential=credential,
        token_id=token_id,
    )
