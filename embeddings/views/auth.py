"""Logging in with a password: signed tokens, given, renewed and taken back."""

from typing import Any

from django.conf import settings
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.exceptions import NotFound
from accounts.policy import Action
from accounts.services.jwt import end_login, public_keys, refresh_login
from accounts.services.login import log_in
from embeddings.serializers.auth import LoginRequest, RefreshRequest, TokenPairResponse, tokens_json
from embeddings.serializers.base import validated
from embeddings.views.operations import operation

EXAMPLE = {
    "access_token": "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJl",
    "token_type": "Bearer",
    "expires_in": 300,
    "refresh_token": "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiI3In0.cmVmcmVzaA",
    "refresh_expires_in": 1209600,
    "scopes": ["search"],
}
REFRESH = {"refresh_token": EXAMPLE["refresh_token"]}
KEYS_MAX_AGE_S = 300
"""So long others may keep our keys: a new one is to be published before it signs."""


class AuthViewSet(ViewSet):
    """Public: who comes here has a password or a refresh token. Not there unless `EMBED_JWT`."""

    authentication_classes = []
    permission_classes = [AllowAny]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Before every method. Raises NotFound where there are no signed tokens."""
        super().initial(request, *args, **kwargs)
        if not settings.EMBED.jwt:
            raise NotFound

    @operation(
        "auth_token",
        summary="Log in with a password, for signed tokens",
        request=LoginRequest,
        request_examples={
            "Search alone": {"username": "alice", "password": "…", "scopes": ["search"]}
        },
        answer=TokenPairResponse,
        example=EXAMPLE,
        errors=(401, 404, 429),
        public=True,
    )
    def token(self, request: Request) -> Response:
        """Too many wrong passwords for a user from one address answer 429 for a while."""
        wish = validated(LoginRequest, request.data)
        if scopes := wish.pop("scopes", None):
            wish["scopes"] = [Action(scope) for scope in scopes]
        return Response(tokens_json(log_in(request=request._request, **wish)))

    @operation(
        "auth_refresh",
        summary="Renew a login's tokens",
        request=RefreshRequest,
        request_examples={"Refresh": REFRESH},
        answer=TokenPairResponse,
        example=EXAMPLE,
        errors=(401, 404),
        public=True,
    )
    def refresh(self, request: Request) -> Response:
        """The refresh token is good once: one that comes back ends its login."""
        wish = validated(RefreshRequest, request.data)
        return Response(tokens_json(refresh_login(**wish)))

    @operation(
        "auth_logout",
        summary="End a login",
        request=RefreshRequest,
        request_examples={"Log out": REFRESH},
        answer=None,
        status=204,
        errors=(401, 404),
        public=True,
    )
    def logout(self, request: Request) -> Response:
        """Its access tokens are refused, too, within a second."""
        end_login(**validated(RefreshRequest, request.data))
        return Response(status=204)

    def keys(self, request: Request) -> Response:  # noqa: ARG002 - any request will do
        """The public keys of our signed tokens, as RFC 7517 spells them."""
        headers = {"Cache-Control": f"public, max-age={KEYS_MAX_AGE_S}"}
        return Response({"keys": public_keys()}, headers=headers)
