"""Grants on the wire."""

from typing import Any

from rest_framework import serializers

from accounts.policy import Role
from embeddings.models import Grant
from embeddings.serializers.base import ChangeSerializer
from embeddings.serializers.fields import FILTER_HELP, FilterField
from embeddings.serializers.paging import CursorField, PageQuery, parse_id
from embeddings.serializers.users import NameField


class RowFilterField(FilterField):
    """A filter on metadata that is kept as it was sent."""

    def to_internal_value(self, data: Any) -> Any:
        """The filter in JSON. Raises InvalidFilter, which names the place at fault."""
        super().to_internal_value(data)
        return data


class GrantQuery(PageQuery):
    """Which grants a list shows."""

    cursor = CursorField(parse=parse_id, required=False)


class GrantChange(ChangeSerializer):
    """What may be changed about a grant; at least one field."""

    role = serializers.ChoiceField(choices=[role.value for role in Role], required=False)
    row_filter = RowFilterField(
        required=False,
        allow_null=True,
        help_text=f"Opens the documents that pass, and no others; null opens all. {FILTER_HELP}",
    )


class GrantRequest(GrantChange):
    """A role for a user or a team."""

    user = NameField(required=False, help_text="This, or `team`.")
    team = NameField(required=False, help_text="This, or `user`.")
    role = serializers.ChoiceField(choices=[role.value for role in Role])

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raises ValidationError for a grant to nobody, and to both."""
        if ("user" in attrs) == ("team" in attrs):
            raise serializers.ValidationError(
                {"user": "Name a user or a team, and not both."}, code="one_grantee"
            )
        return attrs


class GrantResponse(serializers.Serializer[Any]):
    """What a user or a team may do, and with which documents."""

    id = serializers.IntegerField()
    user = serializers.CharField(allow_null=True)
    team = serializers.CharField(allow_null=True)
    role = serializers.ChoiceField(choices=[role.value for role in Role])
    row_filter = serializers.DictField(allow_null=True)
    created_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()


class GrantsResponse(serializers.Serializer[Any]):
    """A page of grants, the oldest first."""

    owner = serializers.CharField(help_text="May do everything, without a grant.")
    permissions = GrantResponse(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="null on the last page.")


def grant_json(grant: Grant) -> dict[str, Any]:
    """GrantResponse."""
    return {
        "id": grant.pk,
        "user": None if grant.user is None else grant.user.username,
        "team": None if grant.team is None else grant.team.name,
        "role": grant.role,
        "row_filter": grant.row_filter,
        "created_by": None if grant.created_by is None else grant.created_by.username,
        "created_at": grant.created_at,
    }
