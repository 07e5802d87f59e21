"""Users on the wire."""

from typing import Any, cast

from rest_framework import serializers

from accounts.models import Team, User
from accounts.models.limits import LIMITS, Limits
from accounts.names import WHAT_A_NAME_IS, is_name
from accounts.policy import SiteRole
from accounts.services.teams import known_team
from accounts.services.users import UserFields
from embeddings.serializers.base import ChangeSerializer, RequestSerializer
from embeddings.serializers.fields import FlagField, StringField, WholeNumberField
from embeddings.serializers.paging import CursorField, PageQuery


def name_key(text: str) -> str:
    """Where a page of users or teams ends. Raises ValueError."""
    if not is_name(text):
        raise ValueError
    return text


class NameField(StringField):
    """The name of a user or a team."""

    default_error_messages = {"invalid": WHAT_A_NAME_IS}

    def to_internal_value(self, data: Any) -> str:
        """The name. Raises ValidationError."""
        text = super().to_internal_value(data)
        if not is_name(text):
            self.fail("invalid")
        return text


class NameQuery(PageQuery):
    """Which users or teams a list shows."""

    cursor = CursorField(parse=name_key, required=False)
    prefix = NameField(required=False, help_text="Only names that begin so.")


class LimitsRequest(RequestSerializer):
    """How much may be asked for; null is no limit, and what is left out stays as it is."""

    requests_per_minute = WholeNumberField(
        min_value=0, max_value=LIMITS["requests_per_minute"], allow_null=True, required=False
    )
    tokens_per_day = WholeNumberField(
        min_value=0, max_value=LIMITS["tokens_per_day"], allow_null=True, required=False
    )
    tokens_per_month = WholeNumberField(
        min_value=0, max_value=LIMITS["tokens_per_month"], allow_null=True, required=False
    )


class UserChange(ChangeSerializer):
    """What may be changed about a user; at least one field."""

    role = serializers.ChoiceField(choices=[role.value for role in SiteRole], required=False)
    active = FlagField(
        required=False, help_text="false: no credential of the user's lets anybody in."
    )
    team = NameField(
        required=False,
        allow_null=True,
        help_text="Whose limits hold for the user too, and whose account the use goes on.",
    )
    limits = LimitsRequest(required=False)


class UserRequest(UserChange):
    """A new user, without a password: people get one in the console."""

    username = NameField()


class LimitsResponse(serializers.Serializer[Any]):
    """How much may be asked for; null is no limit."""

    requests_per_minute = serializers.IntegerField(allow_null=True)
    tokens_per_day = serializers.IntegerField(allow_null=True)
    tokens_per_month = serializers.IntegerField(allow_null=True)


class UserResponse(serializers.Serializer[Any]):
    """A user."""

    username = serializers.CharField()
    role = serializers.ChoiceField(choices=[role.value for role in SiteRole])
    active = serializers.BooleanField()
    teams = serializers.ListField(child=serializers.CharField(), help_text="By name.")
    team = serializers.CharField(allow_null=True, help_text="Who pays.")
    limits = LimitsResponse()
    created_at = serializers.DateTimeField()


class UsersResponse(serializers.Serializer[Any]):
    """A page of users, by name."""

    users = UserResponse(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="null on the last page.")


def user_fields(data: dict[str, Any]) -> UserFields:
    """What the services take. Raises UnknownTeam."""
    fields = cast("UserFields", {**data.get("limits", {})})
    if "role" in data:
        fields["role"] = SiteRole(data["role"])
    if "active" in data:
        fields["is_active"] = data["active"]
    if "team" in data:
        name = data["team"]
        fields["team"] = None if name is None else known_team(name=name, param="team")
    return fields


def limits_json(limited: Limits) -> dict[str, int | None]:
    """LimitsResponse."""
    return {name: getattr(limited, name) for name in LIMITS}


def user_json(user: User) -> dict[str, Any]:
    """UserResponse."""
    team: Team | None = user.team
    return {
        "username": user.username,
        "role": user.site_role.value,
        "active": user.is_active,
        "teams": sorted(group.name for group in user.groups.all()),
        "team": None if team is None else team.name,
        "limits": limits_json(user),
        "created_at": user.date_joined,
    }
