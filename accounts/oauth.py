"""OAuth 2.0 by django-oauth-toolkit, as far as we offer it: client credentials of a service's user,
and authorization codes with PKCE, their scopes being our actions.
"""

from typing import Any

from django.db import transaction
from oauth2_provider.oauth2_validators import OAuth2Validator

from accounts.actor import identify
from accounts.services.audit import record
from accounts.services.callers import forget_callers


class Validator(OAuth2Validator):  # type: ignore[misc]  # the package ships no types
    """The toolkit's, which gives tokens of client credentials the user of their application, lets
    nobody in who is not active, and puts on record what it gives and takes back.
    """

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        """Whether the application is for it; client credentials need an active user to act as."""
        if grant_type == "client_credentials" and not (client.user and client.user.is_active):
            return False
        allowed: bool = super().validate_grant_type(
            client_id, grant_type, client, request, *args, **kwargs
        )
        return allowed

    def validate_refresh_token(
        self, refresh_token: str, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        """Whether it is the newest of its family, and its user active still."""
        good = super().validate_refresh_token(refresh_token, client, request, *args, **kwargs)
        return bool(good and request.user.is_active)

    def _save_bearer_token(self, token: Any, request: Any, *args: Any, **kwargs: Any) -> None:
        super()._save_bearer_token(token, request, *args, **kwargs)
        user = _user_of(request)
        identify(user_id=user.pk, username=user.username, credential="oauth")
        record(
            event="oauth_token.create",
            object_type="application",
            object_id=request.client.client_id,
            after={"user": user.username, "scope": token["scope"], "grant": request.grant_type},
        )
        transaction.on_commit(forget_callers)  # the token before this one is no good any more

    def _create_authorization_code(self, request: Any, code: Any, expires: Any = None) -> Any:
        with transaction.atomic():
            grant = super()._create_authorization_code(request, code, expires)
            record(
                event="oauth_grant.create",
                object_type="application",
                object_id=request.client.client_id,
                after={"user": request.user.username, "scope": grant.scope},
            )
        return grant

    def _create_access_token(
        self, expires: Any, request: Any, token: Any, source_refresh_token: Any = None
    ) -> Any:
        request.user = _user_of(request)
        return super()._create_access_token(expires, request, token, source_refresh_token)

    def revoke_token(
        self, token: str, token_type_hint: str, request: Any, *args: Any, **kwargs: Any
    ) -> None:
        """The token, and what came of it, if it is one of the application's."""
        with transaction.atomic():
            super().revoke_token(token, token_type_hint, request, *args, **kwargs)
            record(
                event="oauth_token.delete",
                object_type="application",
                object_id=request.client.client_id,
            )
            transaction.on_commit(forget_callers)


def _user_of(request: Any) -> Any:
    """Who allowed it; for client credentials whom the application acts as."""
    if request.grant_type == "client_credentials":
        return request.client.user
    return request.user
