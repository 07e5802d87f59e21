"""`/v1/collection` and `/v1/collection/{name}`."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from embeddings.models import Collection
from tests.api.assertions import assert_problem, assert_unseen
from tests.factories import make_collection, make_document
from tests.statements import recorded_statements

LIST = "/v1/collection"


def test_it_works(as_alice: APIClient) -> None:
    body = {"name": "drinks", "metric": "l2", "description": "What we drink."}

    response = as_alice.post(LIST, body)

    assert response.status_code == 201
    assert response["Location"] == "/v1/collection/drinks"
    shown = as_alice.get("/v1/collection/drinks").json()
    assert shown == response.json()
    created_at, updated_at = shown.pop("created_at"), shown.pop("updated_at")
    assert created_at.endswith("Z")
    assert updated_at.endswith("Z")
    assert shown == {
        "name": "drinks",
        "description": "What we drink.",
        "model": "hashing-384",
        "dimensions": 384,
        "metric": "l2",
        "count": 0,
        "version": 0,
        "owner": "alice",
        "language": "english",
        "chunking": {"method": "sentences", "size": 1_000_000, "overlap": 0},
        "index": {"state": "none", "m": 16, "ef_construction": 128, "storage": "halfvec"},
        "metadata_schema": {},
        "metadata_indexes": {},
        "redaction": None,
    }


def test_each_sees_what_the_policy_shows(
    collection: Collection, as_alice: APIClient, as_bob: APIClient, as_charlie: APIClient
) -> None:
    for client, names in ((as_alice, ["drinks"]), (as_bob, ["drinks"]), (as_charlie, [])):
        assert [row["name"] for row in client.get(LIST).json()["collections"]] == names
    assert as_alice.get(f"{LIST}/drinks").json()["count"] == 3
    assert as_bob.get(f"{LIST}/drinks").json()["count"] == 3


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_what_charlie_may_not_see_is_not_there(
    collection: Collection, as_charlie: APIClient, method: str
) -> None:
    body = {"description": "mine"} if method == "PATCH" else None

    assert_unseen(as_charlie, method, f"{LIST}/drinks", f"{LIST}/nothing", body)

    collection.refresh_from_db()
    assert collection.description == ""


def test_bob_may_look_but_not_touch(collection: Collection, as_bob: APIClient) -> None:
    assert_problem(as_bob.patch(f"{LIST}/drinks", {"name": "mine"}), 403, "forbidden")
    assert_problem(as_bob.delete(f"{LIST}/drinks"), 403, "forbidden")
    assert Collection.objects.filter(name="drinks").exists()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", LIST),
        ("post", LIST),
        ("get", f"{LIST}/drinks"),
        ("patch", f"{LIST}/drinks"),
        ("delete", f"{LIST}/drinks"),
    ],
)
def test_strangers_stay_outside(
    collection: Collection, stranger: APIClient, method: str, path: str
) -> None:
    response = getattr(stranger, method)(path)

    assert_problem(response, 401, "not_authenticated")
    assert response["WWW-Authenticate"].startswith("Bearer ")


def test_alice_renames_and_describes(collection: Collection, as_alice: APIClient) -> None:
    response = as_alice.patch(f"{LIST}/drinks", {"name": "tea", "description": "Tea only."})

    assert response.status_code == 200
    assert (response.json()["name"], response.json()["description"]) == ("tea", "Tea only.")
    assert response.json()["count"] == 3
    assert_problem(as_alice.get(f"{LIST}/drinks"), 404)


def test_a_name_is_taken_once(
    collection: Collection, as_alice: APIClient, as_charlie: APIClient
) -> None:
    make_collection("other", owner=collection.owner)

    for response in (
        as_alice.post(LIST, {"name": "drinks"}),
        as_charlie.post(LIST, {"name": "drinks"}),
        as_alice.patch(f"{LIST}/other", {"name": "drinks"}),
    ):
        assert_problem(response, 409, "collection_exists", param="name")


def test_alice_deletes(collection: Collection, as_alice: APIClient) -> None:
    response = as_alice.delete(f"{LIST}/drinks")

    assert (response.status_code, response.content) == (204, b"")
    assert_problem(as_alice.get(f"{LIST}/drinks"), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "name"),
        ({"name": "Drinks"}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": "-a"}, "name"),
        ({"name": "a" * 64}, "name"),
        ({"name": "a\n"}, "name"),
        ({"name": "a\x00"}, "name"),
        ({"name": 7}, "name"),
        ({"name": None}, "name"),
        ({"name": "a; DROP TABLE collections"}, "name"),
        ({"name": "a", "model": "no-such-model"}, "model"),
        ({"name": "a", "model": "../hashing-384"}, "model"),
        ({"name": "a", "model": 5}, "model"),
        ({"name": "a", "metric": "hamming"}, "metric"),
        ({"name": "a", "metric": ["l2"]}, "metric"),
        ({"name": "a", "description": "x" * 1001}, "description"),
        ({"name": "a", "description": "\x00"}, "description"),
        ({"name": "a", "owner": "bob"}, "owner"),
        ({"name": "a", "metadata_schema": []}, "metadata_schema"),
        ({"name": "a", "metadata_schema": {"year": "int"}}, "metadata_schema.year.type"),
        ({"name": "a", "metadata_schema": {"a'b": "string"}}, "metadata_schema"),
    ],
)
def test_bad_input_makes_nothing(as_alice: APIClient, body: Any, param: str) -> None:
    assert_problem(as_alice.post(LIST, body), 400, param=param)
    assert not Collection.objects.exists()


@pytest.mark.parametrize(
    ("body", "param"),
    [({}, "body"), ({"name": "X"}, "name"), ({"model": "hashing-384"}, "model")],
)
def test_bad_input_changes_nothing(
    collection: Collection, as_alice: APIClient, body: Any, param: str
) -> None:
    assert_problem(as_alice.patch(f"{LIST}/drinks", body), 400, param=param)
    assert Collection.objects.filter(name="drinks").exists()


@pytest.mark.parametrize("name", ["DRINKS", "a%00b", "%ff", "a%0A", "x" * 300])
def test_an_impossible_name_is_not_there(as_alice: APIClient, name: str) -> None:
    assert_problem(as_alice.get(f"{LIST}/{name}"), 404, "not_found")


def test_pages_hold_every_collection_once(as_alice: APIClient, alice: Any) -> None:
    names = [f"c{number}" for number in range(5)]
    for name in names:
        make_collection(name, owner=alice)

    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        answer = as_alice.get(LIST, query).json()
        seen += [row["name"] for row in answer["collections"]]
        cursor = answer["next_cursor"]

    assert seen == names


def test_lists_by_name_and_prefix(as_alice: APIClient, alice: Any) -> None:
    for name in ("tea", "tea-green", "green-tea", "coffee", "te_"):
        make_collection(name, owner=alice)

    def names(**query: str) -> list[str]:
        return [row["name"] for row in as_alice.get(LIST, query).json()["collections"]]

    assert names(prefix="tea") == ["tea", "tea-green"]
    assert names(prefix="te_") == ["te_"]
    assert names(name="tea") == ["tea"]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"cursor": "!"}, "cursor"),
        ({"cursor": "W10"}, "cursor"),
        ({"cursor": "é"}, "cursor"),
        ({"cursor": "_w"}, "cursor"),
        ({"prefix": "\x00"}, "prefix"),
        ({"owner__id": "1"}, "owner__id"),
    ],
)
def test_a_bad_query_is_refused(as_alice: APIClient, query: Any, param: str) -> None:
    assert_problem(as_alice.get(LIST, query), 400, param=param)


def test_the_list_costs_one_query_for_all_its_rows(as_alice: APIClient, alice: Any) -> None:
    for number in range(3):
        make_document(make_collection(f"c{number}", owner=alice))
    as_alice.get(LIST)  # from here on the token is trusted for a second

    with recorded_statements() as statements:
        as_alice.get(LIST)

    assert len(statements) == 1
