"""Turns the credentials of a request into a user and a principal."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts.actor import identify
from accounts.exceptions import InvalidToken
from accounts.models import User
from accounts.principal import Principal
from accounts.services.tokens import verify_api_token


class ApiTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`; also the bare token, `X-API-Key` and `api-key`, which
    clients of other services send."""

    def authenticate(self, request: Request) -> tuple[User, Principal] | None:
        """The user and its principal; None without credentials. Raises InvalidToken."""
        plaintext = _credential(request)
        if plaintext is None:
            return None
        token = verify_api_token(plaintext)
        identify(
            user_id=token.user_id,
            username=token.user.username,
            credential="api_token",
            token_id=token.pk,
        )
        return token.user, token.as_principal()

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002  the interface is DRF's
        """The challenge that turns a refusal into 401."""
        return 'Bearer realm="embedding service"'


def _credential(request: Request) -> str | None:
    header = request.headers.get("Authorization")
    if header is None:
        return request.headers.get("X-API-Key") or request.headers.get("api-key")
    scheme, _, rest = header.strip().partition(" ")
    if not rest:
        return scheme
    if scheme.lower() != "bearer":
        raise InvalidToken
    return rest.strip()
