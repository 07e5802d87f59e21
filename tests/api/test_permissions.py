"""`/v1/collection/{name}/permissions`, and `/v1/collection/{name}/transfer`."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Team, User
from accounts.policy import Role
from embeddings.models import Collection, Grant
from tests.api.assertions import assert_problem, assert_unseen
from tests.factories import make_collection, make_user

THERE = "/v1/collection/drinks"
LIST = f"{THERE}/permissions"
TRANSFER = f"{THERE}/transfer"
pytestmark = pytest.mark.usefixtures("collection")


def granted(client: APIClient, **body: Any) -> str:
    response = client.post(LIST, body)
    assert response.status_code == 201, response.content
    return str(response["Location"])


def test_it_works(as_alice: APIClient, as_charlie: APIClient) -> None:
    assert_problem(as_charlie.get(THERE), 404)

    response = as_alice.post(LIST, {"user": "charlie", "role": "viewer"})

    assert response.status_code == 201, response.content
    assert as_charlie.get(THERE).status_code == 200
    shown = as_alice.get(response["Location"]).json()
    assert shown == response.json()
    assert as_alice.get(LIST).json() == {
        "owner": "alice",
        "permissions": [shown],
        "next_cursor": None,
    }
    assert shown.pop("created_at").endswith("Z")
    assert shown == {
        "id": Grant.objects.get().pk,
        "user": "charlie",
        "team": None,
        "role": "viewer",
        "row_filter": None,
        "created_by": "alice",
    }
    assert as_alice.delete(response["Location"]).status_code == 204
    assert_problem(as_charlie.get(THERE), 404)
    assert_problem(as_alice.delete(response["Location"]), 404, "not_found")


def test_to_a_team(as_alice: APIClient, as_charlie: APIClient, charlie: User) -> None:
    charlie.groups.add(Team.objects.create(name="readers"))
    answer = as_alice.get(granted(as_alice, team="readers", role="viewer")).json()
    assert (answer["user"], answer["team"]) == (None, "readers")
    assert as_charlie.get(THERE).status_code == 200


def test_a_grant_is_changed(as_alice: APIClient, as_charlie: APIClient) -> None:
    url = granted(as_alice, user="charlie", role="viewer", row_filter={"lang": "en"})
    change = {"description": "Charlie's"}
    assert_problem(as_charlie.patch(f"{THERE}/documents/tea", {"metadata": {"a": 1}}), 403)

    assert as_alice.patch(url, {"role": "editor"}).json()["row_filter"] == {"lang": "en"}
    response = as_charlie.patch(f"{THERE}/documents/tea", {"metadata": {"a": 1}})
    assert response.status_code == 200
    assert as_alice.patch(url, {"row_filter": None}).json()["row_filter"] is None
    assert_problem(as_charlie.patch(THERE, change), 403, "forbidden")
    assert as_alice.patch(url, {"role": "owner"}).status_code == 200
    assert as_charlie.patch(THERE, change).status_code == 200


def test_roles_add_up_but_each_is_granted_once(as_alice: APIClient, charlie: User) -> None:
    url = granted(as_alice, user="charlie", role="viewer", row_filter={"lang": "en"})
    granted(as_alice, user="charlie", role="editor", row_filter={"year": 2024})
    for response in (
        as_alice.post(LIST, {"user": "charlie", "role": "viewer"}),
        as_alice.patch(url, {"role": "editor"}),
    ):
        assert_problem(response, 409, "grant_exists", param="role")
    assert Grant.objects.count() == 2


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_who_is_no_owner_grants_nothing(
    as_alice: APIClient, as_charlie: APIClient, role: str
) -> None:
    url = granted(as_alice, user="charlie", role=role)
    for response in (
        as_charlie.get(LIST),
        as_charlie.get(url),
        as_charlie.post(LIST, {"user": "charlie", "role": "owner"}),
        as_charlie.patch(url, {"role": "owner"}),
        as_charlie.delete(url),
        as_charlie.post(TRANSFER, {"owner": "charlie"}),
    ):
        assert_problem(response, 403, "forbidden")
    assert Grant.objects.get().role == role


def test_bob_may_look_at_documents_but_not_at_grants(as_bob: APIClient) -> None:
    for response in (
        as_bob.get(LIST),
        as_bob.post(LIST, {"user": "bob", "role": "owner"}),
        as_bob.post(TRANSFER, {"owner": "bob"}),
    ):
        assert_problem(response, 403, "forbidden")
    assert not Grant.objects.exists()


def test_what_charlie_may_not_see_is_not_there(as_alice: APIClient, as_charlie: APIClient) -> None:
    grant = granted(as_alice, user=make_user("dora").username, role="viewer").rpartition("/")[2]
    body = {"user": "charlie", "role": "owner"}
    for method, tail, sent in (
        ("GET", "permissions", None),
        ("POST", "permissions", body),
        ("GET", f"permissions/{grant}", None),
        ("PATCH", f"permissions/{grant}", {"role": "owner"}),
        ("DELETE", f"permissions/{grant}", None),
        ("POST", "transfer", {"owner": "charlie"}),
    ):
        absent = f"/v1/collection/nothing/{tail}"
        assert_unseen(as_charlie, method, f"{THERE}/{tail}", absent, sent)


def test_an_owner_of_one_collection_touches_no_other(
    as_alice: APIClient, as_charlie: APIClient, charlie: User
) -> None:
    make_collection("mine", owner=charlie)
    grant = granted(as_alice, user=make_user("dora").username, role="viewer").rpartition("/")[2]
    for method, body in (("GET", None), ("PATCH", {"role": "owner"}), ("DELETE", None)):
        url = f"/v1/collection/mine/permissions/{grant}"
        assert_unseen(as_charlie, method, url, f"/v1/collection/mine/permissions/{2**70}", body)
    assert Grant.objects.get().role == Role.VIEWER


def test_strangers_stay_outside(stranger: APIClient) -> None:
    for response in (stranger.get(LIST), stranger.post(LIST, {}), stranger.post(TRANSFER, {})):
        assert_problem(response, 401, "not_authenticated")


def test_pages(as_alice: APIClient) -> None:
    for number in range(3):
        granted(as_alice, user=make_user(f"u{number}").username, role="viewer")
    first = as_alice.get(LIST, {"limit": 2}).json()
    second = as_alice.get(LIST, {"limit": 2, "cursor": first["next_cursor"]}).json()
    shown = [*first["permissions"], *second["permissions"]]
    assert [row["user"] for row in shown] == ["u0", "u1", "u2"]
    assert second["next_cursor"] is None
    assert_problem(as_alice.get(LIST, {"cursor": "W10"}), 400, param="cursor")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"role": "viewer"}, "user"),
        ({"user": "charlie", "team": "readers", "role": "viewer"}, "user"),
        ({"user": "nobody", "role": "viewer"}, "user"),
        ({"user": "sleeper", "role": "viewer"}, "user"),
        ({"team": "nothing", "role": "viewer"}, "team"),
        ({"user": "charlie", "role": "admin"}, "role"),
        ({"user": "charlie"}, "role"),
        ({"user": "charlie", "role": "viewer", "row_filter": {}}, "row_filter"),
        ({"user": "charlie", "role": "viewer", "row_filter": []}, "row_filter"),
        ({"user": "charlie", "role": "viewer", "row_filter": {"a": {"$x": 1}}}, "row_filter.a"),
        ({"user": "charlie", "role": "viewer", "row_filter": {"a": "\x00"}}, "row_filter.a"),
        ({"user": "charlie", "role": "owner", "row_filter": {"a": 1}}, "row_filter"),
        ({"user": "charlie", "role": "viewer", "collection": "x"}, "collection"),
        ({"user": "charlie", "role": "viewer", "id": 1}, "id"),
        ({"user": "charlie", "role": "viewer", "created_by": "bob"}, "created_by"),
    ],
)
def test_bad_input_grants_nothing(
    as_alice: APIClient, charlie: User, body: Any, param: str
) -> None:
    User.objects.filter(pk=make_user("sleeper").pk).update(is_active=False)
    assert_problem(as_alice.post(LIST, body), 400, param=param)
    assert not Grant.objects.exists()


@pytest.mark.parametrize("body", [{}, {"user": "bob"}, {"id": 1}, {"role": "owner"}])
def test_bad_input_changes_nothing(as_alice: APIClient, charlie: User, body: Any) -> None:
    url = granted(as_alice, user="charlie", role="viewer", row_filter={"a": 1})
    assert_problem(as_alice.patch(url, body), 400)
    assert Grant.objects.get().role == Role.VIEWER


def test_alice_gives_it_away(
    as_alice: APIClient, as_charlie: APIClient, collection: Collection
) -> None:
    assert as_alice.post(TRANSFER, {"owner": "charlie"}).json()["owner"] == "charlie"
    assert_problem(as_alice.get(THERE), 404)
    assert as_charlie.get(THERE).json()["count"] == 3
    assert as_charlie.delete(THERE).status_code == 204


def test_an_owner_by_grant_manages_but_does_not_take_over(
    as_alice: APIClient, as_charlie: APIClient, as_root: APIClient
) -> None:
    granted(as_alice, user="charlie", role="owner")
    assert as_charlie.patch(THERE, {"description": "ours"}).status_code == 200
    assert_problem(as_charlie.post(TRANSFER, {"owner": "charlie"}), 403, "forbidden")
    assert as_root.post(TRANSFER, {"owner": "charlie"}).json()["owner"] == "charlie"


@pytest.mark.parametrize("body", [{}, {"owner": "nobody"}, {"owner": 1}, {"owner": "bob", "id": 1}])
def test_it_goes_to_nobody(as_alice: APIClient, body: Any) -> None:
    assert_problem(as_alice.post(TRANSFER, body), 400)
    assert as_alice.get(THERE).json()["owner"] == "alice"
