"""Users, for administrators: list, make, show, change, deactivate."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.permissions import admin_of
from accounts.policy import Action
from accounts.services.users import change_user, create_user, get_user, list_users
from embeddings.serializers.base import validated
from embeddings.serializers.paging import page
from embeddings.serializers.users import (
    NameQuery,
    UserChange,
    UserRequest,
    UserResponse,
    UsersResponse,
    user_fields,
    user_json,
)
from embeddings.views.operations import operation

EXAMPLE = {
    "username": "bob",
    "role": "member",
    "active": True,
    "teams": ["editors"],
    "team": None,
    "limits": {"requests_per_minute": 600, "tokens_per_day": None, "tokens_per_month": None},
    "created_at": "2026-11-22T09:00:00Z",
}


class UserViewSet(ViewSet):
    """For administrators alone."""

    actions = {
        "list": Action.ADMINISTER,
        "create": Action.ADMINISTER,
        "retrieve": Action.ADMINISTER,
        "partial_update": Action.ADMINISTER,
    }

    @operation(
        "users_list",
        summary="Users, by name",
        query=NameQuery,
        answer=UsersResponse,
        example={"users": [EXAMPLE], "next_cursor": None},
        errors=(401, 403),
    )
    def list(self, request: Request) -> Response:
        """Page through all users, those who were deactivated too."""
        admin_of(request)
        query = validated(NameQuery, request.query_params.dict())
        rows = list_users(
            after=query.get("cursor"), prefix=query.get("prefix"), limit=query["limit"] + 1
        )
        shown, cursor = page(rows, limit=query["limit"], key=lambda row: row.username)
        return Response({"users": [user_json(row) for row in shown], "next_cursor": cursor})

    @operation(
        "users_create",
        summary="Make a user",
        request=UserRequest,
        request_examples={"A member": {"username": "bob", "limits": {"requests_per_minute": 600}}},
        answer=UserResponse,
        status=201,
        example=EXAMPLE,
        errors=(401, 403, 409),
    )
    def create(self, request: Request) -> Response:
        """It comes with API tokens; a password, and the way into the console, are given there."""
        admin_of(request)
        data = validated(UserRequest, request.data)
        user = create_user(username=data["username"], fields=user_fields(data))
        location = f"/v1/users/{user.username}"
        return Response(user_json(user), status=201, headers={"Location": location})

    @operation("users_retrieve", summary="Show a user", answer=UserResponse, example=EXAMPLE)
    def retrieve(self, request: Request, username: str) -> Response:
        """Role, teams and limits."""
        admin_of(request)
        return Response(user_json(get_user(username=username)))

    @operation(
        "users_update",
        summary="Change a user's role or limits, or deactivate the user",
        request=UserChange,
        request_examples={
            "An operator": {"role": "operator"},
            "Deactivate": {"active": False},
            "No limit": {"limits": {"requests_per_minute": None}},
        },
        answer=UserResponse,
        example=EXAMPLE | {"active": False},
        errors=(401, 403, 404, 409),
    )
    def partial_update(self, request: Request, username: str) -> Response:
        """Fields that are not sent stay as they are. Whoever is deactivated is refused at once, in
        every process within a second; collections stay. The last administrator stays one.
        """
        admin_of(request)
        data = validated(UserChange, request.data)
        user = change_user(user=get_user(username=username), fields=user_fields(data))
        return Response(user_json(user))
