"""`/v1/collection/{name}/documents` and `…/documents/{id}`."""

from typing import Any
from urllib.parse import quote

import orjson
import pytest
from django.db import connection
from rest_framework.test import APIClient

from embeddings.models import Chunk, Collection, Document
from tests.api.assertions import assert_problem, assert_unseen
from tests.factories import make_document

LIST = "/v1/collection/drinks/documents"
ABSENT = "/v1/collection/nothing/documents"


def ids(collection: Collection) -> set[str]:
    rows = Document.objects.filter(collection_id=collection.pk)
    return set(rows.values_list("external_id", flat=True))


def test_it_works(collection: Collection, as_alice: APIClient) -> None:
    shown = as_alice.get(f"{LIST}/tea").json()

    assert shown.pop("created_at").endswith("Z")
    assert shown.pop("updated_at").endswith("Z")
    assert shown == {
        "id": "tea",
        "text": "How to brew green tea",
        "metadata": {"lang": "en", "year": 2020, "by": {"name": "X"}},
        "chunks": [{"start": 0, "end": 21}],
    }
    listed = as_alice.get(LIST).json()
    assert {row["id"] for row in listed["documents"]} == {"tea", "guides/coffee", "thé"}
    assert listed["next_cursor"] is None


def test_an_id_may_be_anything(collection: Collection, as_alice: APIClient) -> None:
    for external_id in ("a/b//c/", "..", "ä ö?#%", "line\nfeed", "documents/x", "x" * 512):
        make_document(collection, external_id=external_id)
        path = f"{LIST}/{quote(external_id, safe='/')}"

        assert as_alice.get(path).json()["id"] == external_id
        assert as_alice.delete(path).status_code == 204
        assert_problem(as_alice.get(path), 404, "not_found")


@pytest.mark.parametrize("external_id", ["nothing", "a%00b", "%ed%a0%80", "x" * 5000])
def test_what_is_not_there_is_not_found(
    collection: Collection, as_alice: APIClient, external_id: str
) -> None:
    path = f"{LIST}/{external_id}"

    assert_problem(as_alice.get(path), 404, "not_found")
    assert_problem(as_alice.patch(path, {"metadata": {}}), 404, "not_found")
    assert_problem(as_alice.delete(path), 404, "not_found")


def test_bob_may_read_but_not_write(collection: Collection, as_bob: APIClient) -> None:
    assert len(as_bob.get(LIST).json()["documents"]) == 3
    assert as_bob.get(f"{LIST}/tea").status_code == 200
    assert_problem(as_bob.patch(f"{LIST}/tea", {"metadata": {"a": 1}}), 403, "forbidden")
    assert_problem(as_bob.delete(f"{LIST}/tea"), 403, "forbidden")
    assert_problem(as_bob.delete(LIST, {"filter": {"lang": "en"}}), 403, "forbidden")
    assert len(ids(collection)) == 3


@pytest.mark.parametrize(
    ("method", "below", "body"),
    [
        ("GET", "", None),
        ("DELETE", "", {"filter": {"lang": "en"}}),
        ("GET", "/tea", None),
        ("PATCH", "/tea", {"metadata": {"a": 1}}),
        ("DELETE", "/tea", None),
    ],
)
def test_charlie_and_strangers_see_nothing(
    collection: Collection,
    as_charlie: APIClient,
    stranger: APIClient,
    method: str,
    below: str,
    body: Any,
) -> None:
    assert_unseen(as_charlie, method, LIST + below, ABSENT + below, body)
    assert_problem(stranger.generic(method, LIST + below), 401, "not_authenticated")
    assert len(ids(collection)) == 3


def test_a_patch_merges_metadata_and_leaves_the_vector_alone(
    collection: Collection, as_alice: APIClient
) -> None:
    def place_of_vector() -> Any:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT array_agg(place ORDER BY place)"
                " FROM (SELECT ctid::text || xmin::text AS place FROM chunks) AS places"
            )
            return cursor.fetchone()

    before = place_of_vector()

    response = as_alice.patch(f"{LIST}/tea", {"metadata": {"year": None, "lang": "de", "new": [1]}})

    assert response.json()["metadata"] == {"lang": "de", "by": {"name": "X"}, "new": [1]}
    assert as_alice.get(f"{LIST}/tea").json() == response.json()
    assert place_of_vector() == before
    assert as_alice.get("/v1/collection/drinks").json()["version"] == collection.version + 1


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "metadata"),
        ({"metadata": None}, "metadata"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"a": "\x00"}}, "metadata"),
        ({"metadata": {"\x00": 1}}, "metadata"),
        ({"metadata": {"a": "x" * 70_000}}, "metadata"),
        ({"text": "other"}, "text"),
    ],
)
def test_a_bad_patch_changes_nothing(
    collection: Collection, as_alice: APIClient, body: Any, param: str
) -> None:
    assert_problem(as_alice.patch(f"{LIST}/tea", body), 400, param=param)
    assert as_alice.get(f"{LIST}/tea").json()["metadata"]["year"] == 2020


def test_metadata_can_not_grow_by_patching(collection: Collection, as_alice: APIClient) -> None:
    assert as_alice.patch(f"{LIST}/tea", {"metadata": {"a": "x" * 40_000}}).status_code == 200
    response = as_alice.patch(f"{LIST}/tea", {"metadata": {"b": "x" * 40_000}})
    assert_problem(response, 400, param="metadata")


@pytest.mark.parametrize("number", [1e22, -1e300, 2**64 - 1, -(2**63), 5e-324, 0.1, 1e16])
def test_numbers_come_back_as_they_were(
    collection: Collection, as_alice: APIClient, number: float
) -> None:
    as_alice.patch(f"{LIST}/tea", {"metadata": {"n": number}})
    as_alice.patch(f"{LIST}/tea", {"metadata": {"other": 1}})
    found = as_alice.get(f"{LIST}/tea").json()["metadata"]["n"]
    assert type(number)(found) == number  # 1e300 comes back as its 301 digits


def test_alice_deletes_one(collection: Collection, as_alice: APIClient) -> None:
    response = as_alice.delete(f"{LIST}/guides/coffee")

    assert (response.status_code, response.content) == (204, b"")
    assert ids(collection) == {"tea", "thé"}
    assert Chunk.objects.filter(generation_id=collection.generation.pk).count() == 2
    assert as_alice.get("/v1/collection/drinks").json()["count"] == 2


def test_alice_deletes_by_filter(collection: Collection, as_alice: APIClient) -> None:
    body = {"filter": {"lang": "en", "year": {"$gte": 2021}}}

    dry = as_alice.delete(LIST, body | {"dry_run": True}).json()
    assert dry == {"deleted": 1, "dry_run": True, "sample": ["guides/coffee"]}
    assert len(ids(collection)) == 3

    assert as_alice.delete(LIST, body).json() == {"deleted": 1, "dry_run": False, "sample": []}
    assert ids(collection) == {"tea", "thé"}
    assert as_alice.get("/v1/collection/drinks").json()["count"] == 2


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "filter"),
        ({"filter": {}}, "filter"),
        ({"filter": None}, "filter"),
        ({"filter": "lang"}, "filter"),
        ({"filter": {"lang__startswith": "e"}}, "filter"),
        ({"filter": {"lang": {"$regex": "e"}}}, "filter.lang"),
        ({"filter": {"lang": "en"}, "dry_run": "yes"}, "dry_run"),
        ({"filter": {"lang": "en"}, "all": True}, "all"),
    ],
)
def test_a_bad_filter_deletes_nothing(
    collection: Collection, as_alice: APIClient, body: Any, param: str
) -> None:
    assert_problem(as_alice.delete(LIST, body), 400, param=param)
    assert len(ids(collection)) == 3


def test_a_body_of_nothing_deletes_nothing(collection: Collection, as_alice: APIClient) -> None:
    assert_problem(as_alice.delete(LIST), 400, param="filter")
    assert len(ids(collection)) == 3


def test_pages_hold_every_document_once(collection: Collection, as_alice: APIClient) -> None:
    for number in range(4):
        make_document(collection, external_id=f"more{number}", lang="en")

    seen: list[str] = []
    cursor: str | None = ""
    pages = 0
    while cursor is not None:
        query = {"limit": "2", "filter": '{"lang": "en"}'} | ({"cursor": cursor} if cursor else {})
        answer = as_alice.get(LIST, query).json()
        seen += [row["id"] for row in answer["documents"]]
        cursor = answer["next_cursor"]
        pages += 1

    assert pages == 3
    assert sorted(seen) == sorted(["tea", "guides/coffee", *(f"more{n}" for n in range(4))])


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "1e3"}, "limit"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "Li4"}, "cursor"),
        ({"filter": "{"}, "filter"),
        ({"filter": "[]"}, "filter"),
        ({"filter": "[" * 3000}, "filter"),
        ({"filter": '{"a": NaN}'}, "filter"),
        ({"filter": '{"a": "\\u0000"}'}, "filter.a"),
        ({"offset": "3"}, "offset"),
    ],
)
def test_a_bad_query_is_refused(
    collection: Collection, as_alice: APIClient, query: Any, param: str
) -> None:
    assert_problem(as_alice.get(LIST, query), 400, param=param)


def test_a_filter_survives_the_query_string(collection: Collection, as_alice: APIClient) -> None:
    query = {"filter": orjson.dumps({"$or": [{"lang": "fr"}, {"by.name": "X"}]}).decode()}
    found = {row["id"] for row in as_alice.get(LIST, query).json()["documents"]}
    assert found == {"tea", "thé"}
