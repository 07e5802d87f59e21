"""API tokens on the wire."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from accounts.models import ApiToken
from accounts.policy import Action
from embeddings.serializers.base import RequestSerializer
from embeddings.serializers.fields import (
    FILTER_HELP,
    CollectionNameField,
    StringField,
    WholeNumberField,
)
from embeddings.serializers.grants import RowFilterField
from embeddings.serializers.paging import CursorField, PageQuery, parse_id
from embeddings.serializers.users import LimitsRequest, LimitsResponse, NameField, limits_json

MAX_NAME_CHARS = 100
MAX_PARTS = 100
"""Most collections, and most networks, that one token names."""

MAX_NETWORK_CHARS = 49
DEFAULT_OVERLAP_S = 3_600
MAX_OVERLAP_S = 30 * 86_400
SCOPES = [action.value for action in Action]


class TokenQuery(PageQuery):
    """Which tokens a list shows."""

    cursor = CursorField(parse=parse_id, required=False)
    user = NameField(required=False, help_text="Only this user's.")
    state = serializers.ChoiceField(
        choices=["live", "all"],
        default="live",
        help_text="`all` shows revoked and expired ones, too.",
    )


class EndField(serializers.DateTimeField):
    """When a token expires."""

    default_error_messages = {"past": "That is past."}

    def to_internal_value(self, data: Any) -> datetime:
        """The time. Raises ValidationError."""
        end: datetime = super().to_internal_value(data)
        if end <= timezone.now():
            self.fail("past")
        return end


class TokenRequest(RequestSerializer):
    """A token to make: whatever is left out, or null, is as in the credential that makes it."""

    name = StringField(max_length=MAX_NAME_CHARS, help_text="What it is for.")
    user = NameField(required=False, help_text="Whose; another's by administrators alone.")
    expires_at = EndField(required=False, allow_null=True)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=SCOPES),
        min_length=1,
        max_length=len(SCOPES),
        required=False,
        allow_null=True,
        help_text="The actions that it may be used for.",
    )
    collections = serializers.ListField(
        child=CollectionNameField(),
        max_length=MAX_PARTS,
        required=False,
        allow_null=True,
        help_text="Those that it may touch, whatever they are called later; [] is none.",
    )
    row_filter = RowFilterField(
        required=False,
        allow_null=True,
        help_text=f"Documents that don't pass are not there for it. {FILTER_HELP}",
    )
    networks = serializers.ListField(
        child=StringField(max_length=MAX_NETWORK_CHARS),
        min_length=1,
        max_length=MAX_PARTS,
        required=False,
        allow_null=True,
        help_text="Addresses that it may come from, such as `10.0.0.0/8`.",
    )
    limits = LimitsRequest(required=False)


class RotateRequest(RequestSerializer):
    """A new secret for a token."""

    overlap_s = WholeNumberField(
        min_value=0,
        max_value=MAX_OVERLAP_S,
        default=DEFAULT_OVERLAP_S,
        help_text="Seconds that the old secret serves beside the new one; 0 ends it now.",
    )
    expires_at = EndField(required=False, help_text="Another end of the token.")


class TokenResponse(serializers.Serializer[Any]):
    """A token, without its secret; null narrows nothing."""

    key = serializers.CharField(help_text="Its name in the API: the part behind `emb_`.")
    name = serializers.CharField()
    user = serializers.CharField()
    created_by = serializers.CharField(allow_null=True)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=SCOPES), allow_null=True)
    collections = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="Names of those that you see."
    )
    row_filter = serializers.DictField(allow_null=True)
    networks = serializers.ListField(child=serializers.CharField(), allow_null=True)
    limits = LimitsResponse()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    last_used_at = serializers.DateTimeField(allow_null=True, help_text="To the minute.")
    previous_until = serializers.DateTimeField(
        allow_null=True, help_text="Until then the secret before the last rotation serves, too."
    )


class NewTokenResponse(TokenResponse):
    """A token with its secret, which is shown this once."""

    token = serializers.CharField()


class TokensResponse(serializers.Serializer[Any]):
    """A page of tokens, newest first."""

    tokens = TokenResponse(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="null on the last page.")


def token_fields(data: dict[str, Any]) -> dict[str, Any]:
    """What mint_token takes."""
    fields = {name: value for name, value in data.items() if name not in ("limits", "user")}
    if fields.get("scopes") is not None:
        fields["scopes"] = [Action(scope) for scope in fields["scopes"]]
    return {**fields, **data.get("limits", {}), "username": data.get("user")}


def overlap_of(data: dict[str, Any]) -> timedelta:
    """So long the old secret serves."""
    return timedelta(seconds=data["overlap_s"])


def token_json(token: ApiToken, *, names: Mapping[uuid.UUID, str]) -> dict[str, Any]:
    """TokenResponse; `names` are those of the collections that are seen."""
    collections = token.collections
    return {
        "key": token.key,
        "name": token.name,
        "user": token.user.username,
        "created_by": None if token.created_by is None else token.created_by.username,
        "scopes": token.scopes,
        "collections": None
        if collections is None
        else sorted(names[each] for each in collections if each in names),
        "row_filter": token.row_filter,
        "networks": token.networks,
        "limits": limits_json(token),
        "created_at": token.created_at,
        "expires_at": token.expires_at,
        "revoked_at": token.revoked_at,
        "last_used_at": token.last_used_at,
        "previous_until": token.previous_until,
    }
