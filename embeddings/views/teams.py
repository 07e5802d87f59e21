"""Teams, for administrators: list, make, show, change, delete."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.permissions import admin_of
from accounts.policy import Action
from accounts.services.teams import change_team, create_team, delete_team, get_team, list_teams
from embeddings.serializers.base import validated
from embeddings.serializers.paging import page
from embeddings.serializers.teams import (
    TeamChange,
    TeamRequest,
    TeamResponse,
    TeamsResponse,
    team_json,
)
from embeddings.serializers.users import NameQuery
from embeddings.views.operations import operation

EXAMPLE = {
    "name": "editors",
    "members": ["alice", "bob"],
    "limits": {"requests_per_minute": None, "tokens_per_day": 5_000_000, "tokens_per_month": None},
}


class TeamViewSet(ViewSet):
    """For administrators alone."""

    actions = {
        "list": Action.ADMINISTER,
        "create": Action.ADMINISTER,
        "retrieve": Action.ADMINISTER,
        "partial_update": Action.ADMINISTER,
        "destroy": Action.ADMINISTER,
    }

    @operation(
        "teams_list",
        summary="Teams, by name",
        query=NameQuery,
        answer=TeamsResponse,
        example={"teams": [EXAMPLE], "next_cursor": None},
        errors=(401, 403),
    )
    def list(self, request: Request) -> Response:
        """With their members."""
        admin_of(request)
        query = validated(NameQuery, request.query_params.dict())
        rows = list_teams(
            after=query.get("cursor"), prefix=query.get("prefix"), limit=query["limit"] + 1
        )
        shown, cursor = page(rows, limit=query["limit"], key=lambda row: row.name)
        return Response({"teams": [team_json(row) for row in shown], "next_cursor": cursor})

    @operation(
        "teams_create",
        summary="Make a team",
        request=TeamRequest,
        request_examples={"Editors": {"name": "editors", "members": ["alice", "bob"]}},
        answer=TeamResponse,
        status=201,
        example=EXAMPLE,
        errors=(401, 403, 409),
    )
    def create(self, request: Request) -> Response:
        """What is granted to it holds for all its members."""
        admin_of(request)
        data = validated(TeamRequest, request.data)
        team = create_team(
            name=data["name"], members=data.get("members", ()), limits=data.get("limits", {})
        )
        location = f"/v1/teams/{team.name}"
        return Response(team_json(team), status=201, headers={"Location": location})

    @operation("teams_retrieve", summary="Show a team", answer=TeamResponse, example=EXAMPLE)
    def retrieve(self, request: Request, team: str) -> Response:
        """Its members and its limits."""
        admin_of(request)
        return Response(team_json(get_team(name=team)))

    @operation(
        "teams_update",
        summary="Change a team's members, name or limits",
        request=TeamChange,
        request_examples={"One comes, one goes": {"add": ["carol"], "remove": ["bob"]}},
        answer=TeamResponse,
        example=EXAMPLE | {"members": ["alice", "carol"]},
        errors=(401, 403, 404, 409),
    )
    def partial_update(self, request: Request, team: str) -> Response:
        """Fields that are not sent stay as they are."""
        admin_of(request)
        data = validated(TeamChange, request.data)
        changed = change_team(
            team=get_team(name=team),
            name=data.get("name"),
            add=data.get("add", ()),
            remove=data.get("remove", ()),
            limits=data.get("limits", {}),
        )
        return Response(team_json(changed))

    @operation("teams_delete", summary="Delete a team", answer=None, status=204)
    def destroy(self, request: Request, team: str) -> Response:
        """What was granted to it is revoked; its members stay users."""
        admin_of(request)
        delete_team(team=get_team(name=team))
        return Response(status=204)
