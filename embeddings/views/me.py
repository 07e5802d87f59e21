"""Who calls, and what the credential is good for."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.permissions import principal_of
from accounts.policy import Action
from accounts.services.users import get_user
from embeddings.serializers.me import MeResponse, me_json
from embeddings.serializers.paging import MAX_LIMIT
from embeddings.services.collection import list_collections
from embeddings.views.operations import operation

EXAMPLE = {
    "username": "alice",
    "role": "member",
    "actions": ["me", "embed"],
    "teams": ["editors"],
    "team": None,
    "limits": {"requests_per_minute": 600, "tokens_per_day": None, "tokens_per_month": None},
    "budgets": [{"of": "token", "period": "day", "limit": 100000, "left": 99742}],
    "credential": {
        "kind": "api_token",
        "scopes": ["me", "embed", "read", "search"],
        "collections": ["articles"],
        "row_filter": {"tenant": 42},
    },
}


class MeViewSet(ViewSet):
    """For everyone, about themselves."""

    actions = {"retrieve": Action.ME}

    @operation("me", summary="Who I am", answer=MeResponse, example=EXAMPLE, errors=(401, 403))
    def retrieve(self, request: Request) -> Response:
        """The user, and how far the credential narrows what the user may do."""
        principal = principal_of(request)
        covered = (
            []
            if principal.collections is None
            else list_collections(principal=principal, limit=MAX_LIMIT)
        )
        user = get_user(username=principal.username)
        return Response(me_json(user=user, principal=principal, collections=covered))
