"""Logins on the wire."""

from typing import Any

from rest_framework import serializers

from accounts.policy import Action
from accounts.services.jwt import TokenPair
from embeddings.serializers.base import RequestSerializer
from embeddings.serializers.fields import StringField

MAX_NAME = 150
MAX_PASSWORD = 4096
MAX_TOKEN = 4096


class LoginRequest(RequestSerializer):
    """Who logs in, and what for."""

    username = StringField(max_length=MAX_NAME)
    password = StringField(max_length=MAX_PASSWORD)
    code = StringField(
        max_length=32, required=False, help_text="Of the second factor, where there is one."
    )
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=[action.value for action in Action]),
        min_length=1,
        max_length=len(Action),
        required=False,
        help_text="The actions that the tokens may be used for; without, all that the user may do.",
    )


class RefreshRequest(RequestSerializer):
    """A refresh token."""

    refresh_token = StringField(max_length=MAX_TOKEN)


class TokenPairResponse(serializers.Serializer[Any]):
    """The tokens of a login."""

    access_token = serializers.CharField(help_text="Send it as `Authorization: Bearer …`.")
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds that the access token is good for.")
    refresh_token = serializers.CharField(help_text="Good once, for the next two tokens.")
    refresh_expires_in = serializers.IntegerField()
    scopes = serializers.ListField(child=serializers.CharField(), allow_null=True)


def tokens_json(tokens: TokenPair) -> dict[str, Any]:
    """As TokenPairResponse."""
    return {
        "access_token": tokens.access,
        "token_type": "Bearer",
        "expires_in": tokens.access_s,
        "refresh_token": tokens.refresh,
        "refresh_expires_in": tokens.refresh_s,
        "scopes": tokens.scopes,
    }
