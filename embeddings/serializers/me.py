"""The caller on the wire."""

import json
from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from accounts.actor import current_actor
from accounts.models import User
from accounts.policy import Action, SiteRole
from accounts.principal import Principal
from accounts.services.budgets import tokens_left
from embeddings.models import Collection
from embeddings.serializers.users import LimitsResponse, limits_json

ACTIONS = [action.value for action in Action]


class CredentialResponse(serializers.Serializer[Any]):
    """What the credential leaves of its user's rights; null narrows nothing."""

    kind = serializers.CharField(help_text="`api_token`, `jwt`, `oauth` or `mtls`.")
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=ACTIONS), allow_null=True)
    collections = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="Names of those that are seen."
    )
    row_filter = serializers.DictField(allow_null=True)


class BudgetResponse(serializers.Serializer[Any]):
    """How many tokens models may still read."""

    of = serializers.ChoiceField(choices=["user", "team", "token"])
    period = serializers.ChoiceField(choices=["day", "month"], help_text="By UTC.")
    limit = serializers.IntegerField()
    left = serializers.IntegerField()


class MeResponse(serializers.Serializer[Any]):
    """Who calls."""

    username = serializers.CharField()
    role = serializers.ChoiceField(choices=[role.value for role in SiteRole])
    actions = serializers.ListField(
        child=serializers.ChoiceField(choices=ACTIONS),
        help_text="What is allowed without, or on, any collection; grants allow more on some.",
    )
    teams = serializers.ListField(child=serializers.CharField(), help_text="By name.")
    team = serializers.CharField(allow_null=True, help_text="Who pays.")
    limits = LimitsResponse(help_text="The user's own.")
    budgets = BudgetResponse(many=True, help_text="All that hold for this request.")
    credential = CredentialResponse()


def me_json(
    *, user: User, principal: Principal, collections: Sequence[Collection]
) -> dict[str, Any]:
    """MeResponse; `collections` are those that the credential covers."""
    scopes, row_filter = principal.scopes, principal.row_filter
    return {
        "username": user.username,
        "role": principal.role.value,
        "actions": [action.value for action in Action if principal.may(action)],
        "teams": sorted(group.name for group in user.groups.all()),
        "team": None if user.team is None else user.team.name,
        "limits": limits_json(user),
        "budgets": [
            {
                "of": budget.kind,
                "period": budget.period,
                "limit": budget.limit,
                "left": left,
            }
            for budget, left in tokens_left(allowances=principal.allowances)
        ],
        "credential": {
            "kind": current_actor().credential,
            "scopes": None if scopes is None else [a.value for a in Action if a in scopes],
            "collections": None
            if principal.collections is None
            else [collection.name for collection in collections],
            "row_filter": None if row_filter is None else json.loads(row_filter),
        },
    }
