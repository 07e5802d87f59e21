"""What was done, by whom, from where: for operators, and for owners of their collections."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.permissions import principal_of
from accounts.policy import Action
from embeddings.serializers.audit import (
    AuditQuery,
    AuditResponse,
    audit_wanted,
    entry_json,
    entry_key,
)
from embeddings.serializers.base import validated
from embeddings.serializers.paging import page
from embeddings.services.audit import list_entries, names_of
from embeddings.views.operations import operation

EXAMPLE = {
    "id": 4711,
    "at": "2026-11-22T09:00:00.123456Z",
    "user": "alice",
    "user_id": 2,
    "token_id": 7,
    "credential": "api_token",
    "address": "203.0.113.9",
    "request_id": "5f0c9e0b6a7d4f6c9a5d1f3f0b7c2a1e",
    "event": "collection.update",
    "object_type": "collection",
    "object_id": "9f1c7a52-6c0f-4e0e-9a6e-0d6f3f0a8c11",
    "collection": "articles",
    "collection_id": "9f1c7a52-6c0f-4e0e-9a6e-0d6f3f0a8c11",
    "before": {"description": ""},
    "after": {"description": "What we have written"},
    "outcome": "success",
}


class AuditViewSet(ViewSet):
    """Nobody can change it, and whoever tries to past the service is found out."""

    actions = {"list": Action.AUDIT}

    @operation(
        "audit_list",
        summary="What was done, newest first",
        query=AuditQuery,
        answer=AuditResponse,
        example={"entries": [EXAMPLE], "next_cursor": None},
        errors=(401, 403),
    )
    def list(self, request: Request) -> Response:
        """All of it for operators; for others what was done to the collections that they own, or
        tried to be. Searches and refusals are there within a second.
        """
        query = validated(AuditQuery, request.query_params.dict())
        rows = list_entries(
            principal=principal_of(request),
            wanted=audit_wanted(query),
            after=query.get("cursor"),
            limit=query["limit"] + 1,
        )
        shown, cursor = page(rows, limit=query["limit"], key=entry_key)
        names = names_of(shown)
        entries = [entry_json(entry, names) for entry in shown]
        return Response({"entries": entries, "next_cursor": cursor})
