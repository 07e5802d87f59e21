"""`POST /v1/search`."""

from typing import Any

import numpy as np
import pytest
from rest_framework.test import APIClient

from accounts.models import User
from embeddings.constants import Metric
from embeddings.models import Collection
from embeddings.services.engine import get_embedder
from tests.api.assertions import assert_problem, assert_same
from tests.factories import make_collection, make_document
from tests.statements import recorded_statements

PATH = "/v1/search"
VECTOR = [1.0] + [0.0] * 383


def body(**values: Any) -> dict[str, Any]:
    return {"collection": "drinks", "query": "green tea"} | values


def by_vector(vector: Any, **values: Any) -> dict[str, Any]:
    return {"collection": "drinks", "vector": vector} | values


def ids(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [hit["id"] for hit in response.json()["hits"]]


def test_it_works(collection: Collection, as_alice: APIClient) -> None:
    answer = as_alice.post(PATH, body(top_k=2)).json()

    assert set(answer) == {"hits", "plan", "next_cursor", "usage", "took_ms"}
    assert answer["plan"].pop("took_ms") > 0
    assert answer["plan"] == {
        "path": "exact",
        "exact": True,
        "ef_search": None,
        "candidates": None,
        "matches": None,
        "matches_at_least": False,
    }
    assert answer["usage"]["tokens"] > 0
    first, second = answer["hits"]
    assert first["id"] == "tea"
    assert first["text"] == "How to brew green tea"
    assert first["metadata"] == {"lang": "en", "year": 2020, "by": {"name": "X"}}
    assert set(first) == {"id", "score", "distance", "text", "metadata"}
    assert first["score"] == pytest.approx(1 - first["distance"])
    assert first["score"] > second["score"]


def test_the_cast(
    collection: Collection, as_bob: APIClient, as_charlie: APIClient, stranger: APIClient
) -> None:
    assert ids(as_bob.post(PATH, body(top_k=1))) == ["tea"]
    assert_same(
        as_charlie.post(PATH, body(), HTTP_X_REQUEST_ID="same"),
        as_charlie.post(PATH, body(collection="nothing"), HTTP_X_REQUEST_ID="same"),
    )
    assert_problem(stranger.post(PATH, body()), 401, "not_authenticated")


def test_by_vector_and_by_document(collection: Collection, as_alice: APIClient) -> None:
    vector = get_embedder("hashing-384").embed(["green tea"], input_type="query").vectors[0]

    given = as_alice.post(PATH, by_vector(vector.tolist()))
    assert given.json()["hits"] == as_alice.post(PATH, body()).json()["hits"]
    assert given.json()["usage"] == {"tokens": 0, "cached_tokens": 0}

    like = as_alice.post(PATH, {"collection": "drinks", "document_id": "guides/coffee"})
    assert ids(like)[0] == "guides/coffee"


def test_integers_are_numbers(collection: Collection, as_alice: APIClient) -> None:
    assert len(ids(as_alice.post(PATH, by_vector([1] + [0] * 383)))) == 3


def test_include_says_what_a_hit_shows(collection: Collection, as_alice: APIClient) -> None:
    always = {"id", "score", "distance"}
    for include in ([], ["text"], ["chunk"], ["vector", "metadata"]):
        hit = as_alice.post(PATH, body(include=include, top_k=1)).json()["hits"][0]
        assert set(hit) == always | set(include)

    hit = as_alice.post(PATH, body(include=["chunk", "vector"], top_k=1)).json()["hits"][0]
    text = "How to brew green tea"
    assert hit["chunk"] == {"ordinal": 0, "start": 0, "end": len(text), "text": text}
    assert np.linalg.norm(hit["vector"]) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("metadata_filter", "expected"),
    [
        ({"lang": "en"}, {"tea", "guides/coffee"}),
        ({"year": {"$gte": 2024}}, {"guides/coffee", "thé"}),
        ({"lang": {"$in": ["fr", "de"]}}, {"thé"}),
        ({"$or": [{"by.name": "X"}, {"lang": "fr"}]}, {"tea", "thé"}),
        ({"$and": [{"lang": "en"}, {"year": {"$lt": 2024}}]}, {"tea"}),
        ({"year": "2024"}, set()),
    ],
)
def test_filters(
    collection: Collection, as_alice: APIClient, metadata_filter: Any, expected: set[str]
) -> None:
    assert set(ids(as_alice.post(PATH, body(filter=metadata_filter)))) == expected


def test_min_score_leaves_out_the_rest(collection: Collection, as_alice: APIClient) -> None:
    hits = as_alice.post(PATH, body()).json()["hits"]
    assert ids(as_alice.post(PATH, body(min_score=hits[1]["score"]))) == [
        hit["id"] for hit in hits[:2]
    ]
    assert ids(as_alice.post(PATH, body(min_score=2))) == []


def test_exact_and_mode_are_accepted(collection: Collection, as_alice: APIClient) -> None:
    answer = as_alice.post(PATH, body(exact=True, mode="semantic")).json()
    assert answer["plan"]["exact"] is True


def test_searches_nothing_but_its_collection(collection: Collection, as_alice: APIClient) -> None:
    other = make_collection("other", owner=collection.owner)
    assert ids(as_alice.post(PATH, body(collection="other"))) == []
    make_document(other, "green tea", external_id="elsewhere")
    assert "elsewhere" not in ids(as_alice.post(PATH, body()))


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"a": 1}
    for _ in range(levels):
        value = {"$and": [value]}
    return value


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"query": ""}, "query"),
        ({"query": "  "}, "query"),
        ({"query": 7}, "query"),
        ({"query": ["tea"]}, "query"),
        ({"query": "a\x00"}, "query"),
        ({"query": "x" * 200_001}, "query"),
        ({"vector": VECTOR}, "vector"),
        ({"document_id": "tea"}, "document_id"),
        ({"collection": "drinks'; --"}, "collection"),
        ({"collection": None}, "collection"),
        ({"top_k": 0}, "top_k"),
        ({"top_k": -1}, "top_k"),
        ({"top_k": 1_000_000}, "top_k"),
        ({"top_k": 10**30}, "top_k"),
        ({"top_k": 2.0}, "top_k"),
        ({"top_k": "3"}, "top_k"),
        ({"top_k": True}, "top_k"),
        ({"mode": "words"}, "mode"),
        ({"include": "text"}, "include"),
        ({"include": ["embedding"]}, "include.0"),
        ({"include": ["text"] * 6}, "include"),
        ({"include": [["text"]]}, "include.0"),
        ({"min_score": "0.5"}, "min_score"),
        ({"min_score": True}, "min_score"),
        ({"exact": 1}, "exact"),
        ({"rerank": "true"}, "rerank"),
        ({"k": 3}, "k"),
        ({"filter": []}, "filter"),
        ({"filter": {}}, "filter"),
        ({"filter": "lang = 'en'"}, "filter"),
        ({"filter": {"$nor": [{"a": 1}]}}, "filter"),
        ({"filter": {"a": {"$where": "1"}}}, "filter.a"),
        ({"filter": {"a": {}}}, "filter.a"),
        ({"filter": {"a": [1]}}, "filter.a"),
        ({"filter": {"a": {"$in": 1}}}, "filter.a.$in"),
        ({"filter": {"a": {"$in": []}}}, "filter.a.$in"),
        ({"filter": {"a": {"$in": [1] * 257}}}, "filter.a.$in"),
        ({"filter": {"a": {"$gt": None}}}, "filter.a.$gt"),
        ({"filter": {"a": "\x00"}}, "filter.a"),
        ({"filter": {"a'; DROP TABLE documents; --": 1}}, "filter"),
        ({"filter": {"a') OR 1=1 --": 1}}, "filter"),
        ({"filter": {"metadata__lang": "en"}}, "filter"),
        ({"filter": {"collection__owner__password__startswith": "a"}}, "filter"),
        ({"filter": {"a\x00": 1}}, "filter"),
        ({"filter": {"": 1}}, "filter"),
        ({"filter": {"a" * 300: 1}}, "filter"),
        ({"filter": {"$or": []}}, "filter.$or"),
        ({"filter": {"$or": {"a": 1}}}, "filter.$or"),
        ({"filter": nested(9)}, None),
    ],
)
def test_bad_input_is_refused(
    collection: Collection, as_alice: APIClient, values: Any, param: str | None
) -> None:
    assert_problem(as_alice.post(PATH, body(**values)), 400, param=param)


def changed(*first: Any) -> list[Any]:
    return [*first, *VECTOR[len(first) :]]


@pytest.mark.parametrize(
    "vector",
    [
        None,
        "AAAA",
        7,
        {},
        [],
        VECTOR[:383],
        [*VECTOR, 0.0],
        [0.0] * 384,
        [-0.0] * 384,
        [1e-30] * 384,
        [9e17] * 384,
        changed(1e39),
        changed(-1e20),
        changed("1"),
        changed(True),
        changed(None),
        changed([1.0]),
        changed({}),
        [[1.0] * 384],
    ],
)
def test_a_bad_vector_is_refused(collection: Collection, as_alice: APIClient, vector: Any) -> None:
    assert_problem(as_alice.post(PATH, by_vector(vector)), 400, param="vector")


def test_a_search_needs_one_query(collection: Collection, as_alice: APIClient) -> None:
    assert_problem(as_alice.post(PATH, {"collection": "drinks"}), 400, param="query")


def test_an_unknown_document_is_named(collection: Collection, as_alice: APIClient) -> None:
    for unknown in ("nothing", "x" * 512):
        response = as_alice.post(PATH, {"collection": "drinks", "document_id": unknown})
        assert_problem(response, 404, param="document_id")


@pytest.mark.parametrize("metric", Metric)
def test_extreme_vectors_still_get_finite_scores(
    as_alice: APIClient, alice: User, metric: Metric
) -> None:
    make_collection("drinks", owner=alice, metric=metric)
    documents = [
        {"id": name, "text": name, "embedding": [value] * 384}
        for name, value in (("large", 4e17), ("small", 1e-22), ("negative", -4e17))
    ]
    added = as_alice.post("/v1/add", {"collection": "drinks", "documents": documents})
    assert added.status_code == 200, added.content

    for value in (4e17, -1e-22, 1.0):
        for hit in as_alice.post(PATH, by_vector([value] * 384)).json()["hits"]:
            assert isinstance(hit["score"], float)
            assert isinstance(hit["distance"], float)


def test_a_search_by_vector_costs_two_queries(collection: Collection, as_alice: APIClient) -> None:
    as_alice.post(PATH, by_vector(VECTOR))  # from here on the token is trusted for a second

    with recorded_statements() as statements:
        headers = {"Cache-Control": "no-cache"}
        assert as_alice.post(PATH, by_vector(VECTOR), headers=headers).status_code == 200

    door, search = statements
    assert "collections" in door
    assert "<=>" in search
