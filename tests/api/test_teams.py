"""`/v1/teams` and `/v1/teams/{team}`."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Team, User
from accounts.policy import Role
from embeddings.models import Collection, Grant
from tests.api.assertions import assert_problem
from tests.factories import make_collection, make_user

LIST = "/v1/teams"
NO_LIMITS = {"requests_per_minute": None, "tokens_per_day": None, "tokens_per_month": None}


@pytest.fixture
def team(alice: User) -> Team:
    made = Team.objects.create(name="readers")
    made.user_set.add(alice)
    return made


def test_it_works(as_root: APIClient, alice: User, charlie: User) -> None:
    body = {"name": "readers", "members": ["charlie", "alice"], "limits": {"tokens_per_day": 7}}

    response = as_root.post(LIST, body)

    assert response.status_code == 201, response.content
    assert response["Location"] == "/v1/teams/readers"
    shown = as_root.get(f"{LIST}/readers").json()
    assert shown == response.json()
    assert shown == {
        "name": "readers",
        "members": ["alice", "charlie"],
        "limits": NO_LIMITS | {"tokens_per_day": 7},
    }
    assert as_root.get(LIST).json() == {"teams": [shown], "next_cursor": None}
    assert as_root.get(LIST, {"prefix": "x"}).json()["teams"] == []


@pytest.mark.parametrize("cast", ["alice", "bob", "charlie"])
def test_only_administrators(cast: str, team: Team, request: pytest.FixtureRequest) -> None:
    client = request.getfixturevalue(f"as_{cast}")
    there = client.get(f"{LIST}/readers", HTTP_X_REQUEST_ID="same")
    assert there.content == client.get(f"{LIST}/nothing", HTTP_X_REQUEST_ID="same").content
    for response in (
        there,
        client.get(LIST),
        client.post(LIST, {"name": "mine"}),
        client.patch(f"{LIST}/readers", {"add": [cast]}),
        client.delete(f"{LIST}/readers"),
    ):
        assert_problem(response, 403, "forbidden")
    assert [user.username for user in team.user_set.all()] == ["alice"]


def test_strangers_stay_outside(stranger: APIClient, team: Team) -> None:
    for response in (stranger.get(LIST), stranger.delete(f"{LIST}/readers")):
        assert_problem(response, 401, "not_authenticated")


def test_members_come_and_go_and_what_they_see_with_them(
    as_root: APIClient, as_charlie: APIClient, team: Team, collection: Collection
) -> None:
    Grant.objects.create(collection=collection, team=team, role=Role.VIEWER)
    assert_problem(as_charlie.get("/v1/collection/drinks"), 404)

    answer = as_root.patch(f"{LIST}/readers", {"add": ["charlie"], "remove": ["alice"]})
    assert answer.json()["members"] == ["charlie"]
    assert as_charlie.get("/v1/collection/drinks").status_code == 200
    # Whoever is no member, or nobody at all, need not be removed.
    assert as_root.patch(f"{LIST}/readers", {"remove": ["charlie", "nobody"]}).status_code == 200
    assert_problem(as_charlie.get("/v1/collection/drinks"), 404)


def test_it_is_renamed_and_limited(as_root: APIClient, team: Team) -> None:
    limits = {"requests_per_minute": 5}
    answer = as_root.patch(f"{LIST}/readers", {"name": "lectores", "limits": limits}).json()
    assert answer == {"name": "lectores", "members": ["alice"], "limits": {**NO_LIMITS, **limits}}
    assert_problem(as_root.get(f"{LIST}/readers"), 404, "not_found")


def test_it_is_deleted_with_its_grants(
    as_root: APIClient, as_alice: APIClient, team: Team, charlie: User
) -> None:
    Grant.objects.create(
        collection=make_collection("others", owner=charlie), team=team, role=Role.VIEWER
    )
    assert as_alice.get("/v1/collection/others").status_code == 200

    assert as_root.delete(f"{LIST}/readers").status_code == 204

    assert_problem(as_alice.get("/v1/collection/others"), 404)
    assert not Grant.objects.exists()
    # One of the same name is another.
    assert as_root.post(LIST, {"name": "readers", "members": ["alice"]}).status_code == 201
    assert_problem(as_alice.get("/v1/collection/others"), 404)


def test_a_name_is_taken_once(as_root: APIClient, team: Team) -> None:
    Team.objects.create(name="writers")
    for response in (
        as_root.post(LIST, {"name": "readers"}),
        as_root.patch(f"{LIST}/writers", {"name": "readers", "add": ["alice"]}),
    ):
        assert_problem(response, 409, "team_exists", param="name")
    assert not Team.objects.get(name="writers").user_set.exists()


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": "."}, "name"),
        ({"name": "a", "members": "alice"}, "members"),
        ({"name": "a", "members": ["nobody"]}, "members"),
        ({"name": "a", "members": ["sleeper"]}, "members"),
        ({"name": "a", "members": ["a\x00"]}, "members.0"),
        ({"name": "a", "limits": {"tokens_per_month": "1"}}, "limits.tokens_per_month"),
        ({"name": "a", "id": 1}, "id"),
        ({"name": "a", "permissions": []}, "permissions"),
    ],
)
def test_bad_input_makes_nothing(as_root: APIClient, body: Any, param: str) -> None:
    User.objects.filter(pk=make_user("sleeper").pk).update(is_active=False)
    assert_problem(as_root.post(LIST, body), 400, param=param)
    assert not Team.objects.exists()


def test_nothing_to_change(as_root: APIClient, team: Team) -> None:
    assert_problem(as_root.patch(f"{LIST}/readers", {}), 400)
    assert_problem(as_root.get(f"{LIST}/a%00b"), 404, "not_found")
