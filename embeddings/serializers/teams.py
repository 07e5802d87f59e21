"""Teams on the wire."""

from typing import Any

from rest_framework import serializers

from accounts.models import Team
from embeddings.serializers.base import ChangeSerializer, RequestSerializer
from embeddings.serializers.users import LimitsRequest, LimitsResponse, NameField, limits_json

MAX_MEMBERS = 1_000
"""In one request; more come in several."""


def _members(help_text: str) -> Any:
    return serializers.ListField(
        child=NameField(), max_length=MAX_MEMBERS, required=False, help_text=help_text
    )


class TeamRequest(RequestSerializer):
    """A new team."""

    name = NameField()
    members = _members("Names of users.")
    limits = LimitsRequest(required=False)


class TeamChange(ChangeSerializer):
    """What may be changed about a team; at least one field."""

    name = NameField(required=False)
    add = _members("Names of users who become members.")
    remove = _members("Names of users who are members no more.")
    limits = LimitsRequest(required=False, help_text="Of all users together whom the team pays.")


class TeamResponse(serializers.Serializer[Any]):
    """A team."""

    name = serializers.CharField()
    members = serializers.ListField(child=serializers.CharField(), help_text="By name.")
    limits = LimitsResponse()


class TeamsResponse(serializers.Serializer[Any]):
    """A page of teams, by name."""

    teams = TeamResponse(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="null on the last page.")


def team_json(team: Team) -> dict[str, Any]:
    """TeamResponse."""
    return {
        "name": team.name,
        "members": sorted(user.username for user in team.user_set.all()),
        "limits": limits_json(team),
    }
