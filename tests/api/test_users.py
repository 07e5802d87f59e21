"""`/v1/users` and `/v1/users/{username}`."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Team, User
from accounts.policy import SiteRole
from accounts.services.tokens import create_api_token
from tests.api.assertions import assert_problem
from tests.api.conftest import client_of
from tests.factories import make_user

LIST = "/v1/users"
NO_LIMITS = {"requests_per_minute": None, "tokens_per_day": None, "tokens_per_month": None}


def test_it_works(as_root: APIClient) -> None:
    Team.objects.create(name="readers")
    body = {"username": "dora", "role": "operator", "team": "readers"}

    response = as_root.post(LIST, body | {"limits": {"tokens_per_day": 5}})

    assert response.status_code == 201, response.content
    assert response["Location"] == "/v1/users/dora"
    shown = as_root.get(f"{LIST}/dora").json()
    assert shown == response.json()
    assert shown.pop("created_at").endswith("Z")
    assert shown == body | {
        "active": True,
        "teams": [],
        "limits": NO_LIMITS | {"tokens_per_day": 5},
    }
    dora = User.objects.get(username="dora")
    assert not dora.has_usable_password()
    assert (dora.is_staff, dora.is_superuser) == (False, False)


@pytest.mark.parametrize("cast", ["alice", "bob"])
def test_only_administrators(cast: str, request: pytest.FixtureRequest) -> None:
    client = request.getfixturevalue(f"as_{cast}")
    absent = client.get(f"{LIST}/nobody", HTTP_X_REQUEST_ID="same")
    there = client.get(f"{LIST}/{cast}", HTTP_X_REQUEST_ID="same")
    assert there.content == absent.content
    for response in (
        there,
        client.get(LIST),
        client.post(LIST, {"username": "eve", "role": "admin"}),
        client.patch(f"{LIST}/{cast}", {"role": "admin"}),
    ):
        assert_problem(response, 403, "forbidden")
    assert not User.objects.filter(role=SiteRole.ADMIN).exists()
    assert not User.objects.filter(username="eve").exists()


def test_strangers_stay_outside(stranger: APIClient) -> None:
    for response in (stranger.get(LIST), stranger.post(LIST, {}), stranger.get(f"{LIST}/root")):
        assert_problem(response, 401, "not_authenticated")


def test_the_list(as_root: APIClient, alice: User) -> None:
    alice.groups.add(Team.objects.create(name="readers"))
    for number in range(3):
        make_user(f"member{number}")

    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        answer = as_root.get(LIST, query).json()
        seen += [user["username"] for user in answer["users"]]
        if answer["next_cursor"] is None:
            break
        query["cursor"] = answer["next_cursor"]

    assert seen == ["alice", "member0", "member1", "member2", "root"]
    found = as_root.get(LIST, {"prefix": "al"}).json()["users"]
    assert [(user["username"], user["teams"]) for user in found] == [("alice", ["readers"])]


def test_a_role_and_limits_are_changed(as_root: APIClient, as_alice: APIClient) -> None:
    assert_problem(as_alice.get("/v1/cache/stats"), 403)

    answer = as_root.patch(
        f"{LIST}/alice", {"role": "operator", "limits": {"requests_per_minute": 700}}
    ).json()
    assert (answer["role"], answer["limits"]["requests_per_minute"]) == ("operator", 700)
    assert as_alice.get("/v1/cache/stats").status_code == 200

    answer = as_root.patch(f"{LIST}/alice", {"limits": {"tokens_per_day": 9}}).json()
    assert answer["limits"] == NO_LIMITS | {"requests_per_minute": 700, "tokens_per_day": 9}
    answer = as_root.patch(f"{LIST}/alice", {"limits": {"requests_per_minute": None}}).json()
    assert answer["limits"] == NO_LIMITS | {"tokens_per_day": 9}
    assert answer["role"] == "operator"


def test_who_is_deactivated_is_refused_and_comes_back(
    as_root: APIClient, as_alice: APIClient
) -> None:
    assert as_alice.get("/v1/me").status_code == 200
    assert as_root.patch(f"{LIST}/alice", {"active": False}).json()["active"] is False
    assert_problem(as_alice.get("/v1/me"), 401, "invalid_token")
    assert as_root.patch(f"{LIST}/alice", {"active": True}).status_code == 200
    assert as_alice.get("/v1/me").status_code == 200


@pytest.mark.parametrize("change", [{"active": False}, {"role": "member"}, {"role": "operator"}])
def test_the_last_administrator_stays(as_root: APIClient, root: User, change: Any) -> None:
    inactive = make_user("sleeper", SiteRole.ADMIN)
    User.objects.filter(pk=inactive.pk).update(is_active=False)

    assert_problem(as_root.patch(f"{LIST}/root", change), 409, "last_admin")

    root.refresh_from_db()
    assert (root.role, root.is_active) == ("admin", True)
    make_user("second", SiteRole.ADMIN)
    assert as_root.patch(f"{LIST}/root", change).status_code == 200


def test_a_superuser_is_an_admin_until_it_is_demoted(as_root: APIClient) -> None:
    User.objects.create_superuser("super")
    assert as_root.get(f"{LIST}/super").json()["role"] == "admin"
    assert as_root.patch(f"{LIST}/super", {"limits": {"tokens_per_day": 1}}).status_code == 200
    assert User.objects.get(username="super").is_superuser
    assert as_root.patch(f"{LIST}/super", {"role": "member"}).json()["role"] == "member"
    assert User.objects.get(username="super").site_role == SiteRole.MEMBER


def test_a_name_is_taken_once(as_root: APIClient, alice: User) -> None:
    assert_problem(as_root.post(LIST, {"username": "alice"}), 409, "user_exists", param="username")
    # Compatibility forms of a letter are that letter.
    assert_problem(as_root.post(LIST, {"username": "\uff41lice"}), 409, "user_exists")


def test_what_is_not_there(as_root: APIClient) -> None:
    for name in ("nobody", "a%00b", "..%2Froot", "x" * 151):
        assert_problem(as_root.get(f"{LIST}/{name}"), 404, "not_found")
    assert_problem(as_root.patch(f"{LIST}/nobody", {"active": False}), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "username"),
        ({"username": "a b"}, "username"),
        ({"username": "a/b"}, "username"),
        ({"username": ".."}, "username"),
        ({"username": "a\n"}, "username"),
        ({"username": "a\x00"}, "username"),
        ({"username": ""}, "username"),
        ({"username": "a", "role": "owner"}, "role"),
        ({"username": "a", "team": "nobody"}, "team"),
        ({"username": "a", "active": 1}, "active"),
        ({"username": "a", "limits": {"tokens_per_day": -1}}, "limits.tokens_per_day"),
        ({"username": "a", "limits": {"requests_per_minute": 2**31}}, "limits.requests_per_minute"),
        ({"username": "a", "limits": {"tokens_per_hour": 1}}, "limits.tokens_per_hour"),
        ({"username": "a", "is_staff": True}, "is_staff"),
        ({"username": "a", "is_superuser": True}, "is_superuser"),
        ({"username": "a", "password": "x"}, "password"),
    ],
)
def test_bad_input_makes_nobody(as_root: APIClient, body: Any, param: str) -> None:
    assert_problem(as_root.post(LIST, body), 400, param=param)
    assert User.objects.count() == 1


@pytest.mark.parametrize("body", [{}, {"username": "b"}, {"id": 1}, {"is_superuser": True}])
def test_bad_input_changes_nobody(as_root: APIClient, alice: User, body: Any) -> None:
    assert_problem(as_root.patch(f"{LIST}/alice", body), 400)


def test_a_narrowed_credential_of_an_administrator_makes_nobody(root: User) -> None:
    client = client_of(root)
    assert client.get(LIST).status_code == 200
    token, plaintext = create_api_token(user=root, name="narrow")
    token.collections = []
    token.save(update_fields=["collections"])
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plaintext}")
    assert_problem(client.get(LIST), 403, "forbidden")
    assert_problem(client.post(LIST, {"username": "eve", "role": "admin"}), 403, "forbidden")
