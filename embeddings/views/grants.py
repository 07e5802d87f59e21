"""Who may do what with a collection: list, grant, change, revoke."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.permissions import principal_of
from accounts.policy import Action, Role
from embeddings.models import Collection
from embeddings.serializers.base import validated
from embeddings.serializers.grants import (
    GrantChange,
    GrantQuery,
    GrantRequest,
    GrantResponse,
    GrantsResponse,
    grant_json,
)
from embeddings.serializers.paging import page
from embeddings.services.collection import visible_collection
from embeddings.services.grants import (
    change_grant,
    create_grant,
    delete_grant,
    get_grant,
    list_grants,
)
from embeddings.views.operations import operation

EXAMPLE = {
    "id": 7,
    "user": "bob",
    "team": None,
    "role": "viewer",
    "row_filter": {"tenant": 42},
    "created_by": "alice",
    "created_at": "2026-11-22T09:00:00Z",
}
ID = OpenApiParameter("id", OpenApiTypes.INT64, OpenApiParameter.PATH, description="The grant's.")


class GrantViewSet(ViewSet):
    """For the collection's owners, and administrators."""

    actions = {
        "list": Action.MANAGE,
        "create": Action.MANAGE,
        "retrieve": Action.MANAGE,
        "partial_update": Action.MANAGE,
        "destroy": Action.MANAGE,
    }

    @operation(
        "permissions_list",
        summary="Who may do what with a collection",
        query=GrantQuery,
        answer=GrantsResponse,
        example={"owner": "alice", "permissions": [EXAMPLE], "next_cursor": None},
    )
    def list(self, request: Request, name: str) -> Response:
        """Besides the owner, and those whose site role allows it everywhere."""
        query = validated(GrantQuery, request.query_params.dict())
        collection = _managed(request, name)
        rows = list_grants(
            collection=collection, after=query.get("cursor", 0), limit=query["limit"] + 1
        )
        shown, cursor = page(rows, limit=query["limit"], key=lambda row: str(row.pk))
        return Response(
            {
                "owner": collection.owner.username,
                "permissions": [grant_json(row) for row in shown],
                "next_cursor": cursor,
            }
        )

    @operation(
        "permissions_create",
        summary="Grant a role on a collection",
        request=GrantRequest,
        request_examples={
            "To a user, for some documents": {
                "user": "bob",
                "role": "viewer",
                "row_filter": {"tenant": 42},
            },
            "To a team": {"team": "editors", "role": "editor"},
        },
        answer=GrantResponse,
        status=201,
        example=EXAMPLE,
        errors=(401, 403, 404, 409),
    )
    def create(self, request: Request, name: str) -> Response:
        """To a user or a team. Several grants add up: what one of them opens is open."""
        data = validated(GrantRequest, request.data)
        grant = create_grant(
            collection=_managed(request, name),
            role=Role(data["role"]),
            user=data.get("user"),
            team=data.get("team"),
            row_filter=data.get("row_filter"),
            created_by_id=principal_of(request).user_id,
        )
        location = f"/v1/collection/{name}/permissions/{grant.pk}"
        return Response(grant_json(grant), status=201, headers={"Location": location})

    @operation(
        "permissions_retrieve",
        summary="Show a grant",
        answer=GrantResponse,
        example=EXAMPLE,
        parameters=[ID],
    )
    def retrieve(self, request: Request, name: str, id: int) -> Response:  # noqa: A002
        """To whom, which role, and for which documents."""
        return Response(grant_json(get_grant(collection=_managed(request, name), grant_id=id)))

    @operation(
        "permissions_update",
        summary="Change a grant's role or row filter",
        request=GrantChange,
        request_examples={"An editor": {"role": "editor"}, "All documents": {"row_filter": None}},
        answer=GrantResponse,
        example=EXAMPLE | {"role": "editor"},
        parameters=[ID],
        errors=(401, 403, 404, 409),
    )
    def partial_update(self, request: Request, name: str, id: int) -> Response:  # noqa: A002
        """Fields that are not sent stay as they are. Holds from the next request on."""
        data = validated(GrantChange, request.data)
        grant = get_grant(collection=_managed(request, name), grant_id=id)
        return Response(grant_json(change_grant(grant=grant, fields=data)))

    @operation(
        "permissions_delete",
        summary="Revoke a grant",
        answer=None,
        status=204,
        parameters=[ID],
    )
    def destroy(self, request: Request, name: str, id: int) -> Response:  # noqa: A002
        """What it opened is shut from the next request on."""
        delete_grant(grant=get_grant(collection=_managed(request, name), grant_id=id))
        return Response(status=204)


def _managed(request: Request, name: str) -> Collection:
    return visible_collection(principal=principal_of(request), name=name, action=Action.MANAGE)
