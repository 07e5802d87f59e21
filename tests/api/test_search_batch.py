"""Several queries, or several collections, in one `POST /v1/search`."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from embeddings.constants import Metric
from embeddings.engine import Embedder
from embeddings.models import Collection
from embeddings.services.engine import get_embedder
from tests.api.assertions import assert_problem, assert_same
from tests.factories import make_collection, make_document
from tests.statements import recorded_statements

PATH = "/v1/search"
VECTOR = [1.0] + [0.0] * 383


@pytest.fixture
def food(alice: User) -> Collection:
    """Alice's too."""
    made = make_collection("food", owner=alice)
    make_document(made, "green tea cake", external_id="cake", lang="en")
    make_document(made, "How to brew green tea", external_id="tea", lang="en")
    return made


def post(client: APIClient, body: dict[str, Any]) -> Any:
    response = client.post(PATH, body)
    assert response.status_code == 200, response.content
    return response.json()


def found(result: dict[str, Any]) -> list[tuple[str | None, str]]:
    return [(hit.get("collection"), hit["id"]) for hit in result["hits"]]


# Queries ------------------------------------------------------------------------------------------

QUERIES: list[dict[str, Any]] = [
    {"query": "green tea", "top_k": 1},
    {"vector": VECTOR, "filter": {"lang": "fr"}, "include": []},
    {"document_id": "guides/coffee", "top_k": 2},
    {"query": "le thé vert", "facets": ["lang"], "rerank": False},
    {"query": "green tea", "group_by": {"field": "lang"}},
    {"positive": ["tea"]},
]


def test_several_queries_answer_as_each_alone(collection: Collection, as_alice: APIClient) -> None:
    answer = post(as_alice, {"collection": "drinks", "queries": QUERIES})
    assert set(answer) == {"results", "usage", "took_ms"}
    assert len(answer["results"]) == len(QUERIES)
    for query, result in zip(QUERIES, answer["results"], strict=True):
        alone = as_alice.post(
            PATH, {"collection": "drinks"} | query, headers={"Cache-Control": "no-cache"}
        ).json()
        for part in ("hits", "groups", "facets", "next_cursor"):
            assert result.get(part) == alone.get(part)
    tokens = [result["usage"]["tokens"] for result in answer["results"]]
    assert tokens[0] > 0
    assert answer["usage"]["tokens"] == sum(tokens)


def test_texts_are_embedded_in_one_call(
    collection: Collection, as_alice: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedder: Embedder = get_embedder("hashing-384")
    calls: list[list[str]] = []
    embed = embedder.embed

    def counting(texts: Any, **options: Any) -> Any:
        calls.append(list(texts))
        return embed(texts, **options)

    monkeypatch.setattr(embedder, "embed", counting)
    queries = [{"query": "one"}, {"vector": VECTOR}, {"query": "two"}, {"query": "one"}]
    post(as_alice, {"collection": "drinks", "queries": queries})
    assert calls == [["one", "two"]]


def test_what_is_remembered_serves_again(collection: Collection, as_alice: APIClient) -> None:
    body = {"collection": "drinks", "queries": [{"query": "green tea"}, {"query": "coffee"}]}
    first = post(as_alice, body)
    as_alice.post(PATH, body)
    with recorded_statements() as statements:
        again = post(as_alice, body)
    assert len([each for each in statements if "<=>" in each]) == 0
    for one, other in zip(first["results"], again["results"], strict=True):
        assert one["hits"] == other["hits"]
    assert again["usage"]["cached_tokens"] == again["usage"]["tokens"]


@pytest.mark.parametrize(
    ("bad", "status", "param"),
    [
        ({}, 400, "queries.3.query"),
        ({"query": " "}, 400, "queries.3.query"),
        ({"query": "a", "top_k": 0}, 400, "queries.3.top_k"),
        ({"query": "a", "filter": {"a": {"$no": 1}}}, 400, "queries.3.filter.a"),
        ({"query": "a", "facets": ["x", "'"]}, 400, "queries.3.facets.1"),
        ({"query": "a", "collection": "drinks"}, 400, "queries.3.collection"),
        ({"query": "a", "queries": []}, 400, "queries.3.queries"),
        ({"vector": [1.0, 2.0]}, 400, "queries.3.vector"),
        ({"vector": ["1"]}, 400, "queries.3.vector"),
        ({"document_id": "nothing"}, 404, "queries.3.document_id"),
        ({"positive": ["tea", "nothing"]}, 404, "queries.3.positive.1"),
        ({"query": "a", "cursor": "AAAA"}, 400, "queries.3.cursor"),
        ({"query": "a", "rerank": True, "diversity": 2}, 400, "queries.3.diversity"),
        ({"query": "a", "rerank": {"model": "no"}}, 400, "queries.3.rerank.model"),
        ("tea", 400, "queries.3"),
        (None, 400, "queries.3"),
    ],
)
def test_one_bad_query_refuses_all(
    collection: Collection, as_alice: APIClient, bad: Any, status: int, param: str
) -> None:
    body = {"collection": "drinks", "queries": [{"query": "tea"}] * 3 + [bad]}
    assert_problem(as_alice.post(PATH, body), status, param=param)


@pytest.mark.parametrize("queries", [[], {}, "tea", None, [{"query": "a"}] * 101])
def test_what_is_no_list_of_queries_is_refused(
    collection: Collection, as_alice: APIClient, queries: Any
) -> None:
    body = {"collection": "drinks", "queries": queries}
    assert_problem(as_alice.post(PATH, body), 400, param="queries")


def test_the_cast(
    collection: Collection, as_bob: APIClient, as_charlie: APIClient, stranger: APIClient
) -> None:
    body = {"collection": "drinks", "queries": [{"query": "green tea", "top_k": 1}]}
    assert found(post(as_bob, body)["results"][0]) == [(None, "tea")]
    absent = body | {"collection": "nothing"}
    assert_same(
        as_charlie.post(PATH, body, HTTP_X_REQUEST_ID="same"),
        as_charlie.post(PATH, absent, HTTP_X_REQUEST_ID="same"),
    )
    assert_problem(stranger.post(PATH, body), 401, "not_authenticated")


# Collections --------------------------------------------------------------------------------------


def test_several_collections_are_merged_by_score(
    collection: Collection, food: Collection, as_alice: APIClient
) -> None:
    body = {"collections": ["drinks", "food"], "query": "brew green tea"}
    answer = post(as_alice, body)
    hits = answer["hits"]
    assert sorted(found(answer)) == [
        ("drinks", "guides/coffee"),
        ("drinks", "tea"),
        ("drinks", "thé"),
        ("food", "cake"),
        ("food", "tea"),
    ]
    assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)
    assert len(post(as_alice, body | {"top_k": 2})["hits"]) == 2
    assert answer["plan"]["exact"] is True
    assert set(answer["plan"]["collections"]) == {"drinks", "food"}
    for name in ("drinks", "food"):
        alone = post(as_alice, {"collection": name, "query": "brew green tea"})["hits"]
        assert [hit["id"] for hit in alone] == [
            hit["id"] for hit in hits if hit["collection"] == name
        ]


def test_one_of_several_names_its_collection_too(food: Collection, as_alice: APIClient) -> None:
    body = {"collections": ["food"], "query": "tea", "top_k": 1}
    assert found(post(as_alice, body))[0][0] == "food"


def test_facets_and_groups_of_several_collections(
    collection: Collection, food: Collection, as_alice: APIClient
) -> None:
    body = {"collections": ["drinks", "food"], "query": "green tea"}
    answer = post(as_alice, body | {"facets": ["lang"]})
    assert answer["facets"]["lang"]["values"] == [
        {"value": "en", "count": 4},
        {"value": "fr", "count": 1},
    ]
    groups = post(as_alice, body | {"group_by": {"field": "lang", "size": 9}})["groups"]
    assert [(each["value"], len(each["hits"])) for each in groups] == [("en", 4), ("fr", 1)]
    diverse = post(as_alice, body | {"diversity": 1, "top_k": 5})
    assert len(set(found(diverse))) == 5


def test_several_queries_in_several_collections(
    collection: Collection, food: Collection, as_alice: APIClient
) -> None:
    body = {"collections": ["drinks", "food"], "queries": [{"query": "tea"}, {"vector": VECTOR}]}
    for result in post(as_alice, body)["results"]:
        assert len(result["hits"]) == 5


def test_unlike_collections_are_refused(
    collection: Collection, alice: User, as_alice: APIClient
) -> None:
    make_collection("far", owner=alice, metric=Metric.L2)
    body = {"collections": ["drinks", "far"], "query": "tea"}
    problem = assert_problem(
        as_alice.post(PATH, body), 400, "incomparable_collections", param="collections"
    )
    assert "drinks" in problem["detail"]
    assert "far" in problem["detail"]


def test_a_collection_of_anothers_is_as_if_absent(
    collection: Collection, charlie: User, as_charlie: APIClient, as_bob: APIClient
) -> None:
    make_collection("own", owner=charlie)
    answers = [
        as_charlie.post(
            PATH, {"collections": ["own", name], "query": "tea"}, HTTP_X_REQUEST_ID="same"
        )
        for name in ("drinks", "nothing")
    ]
    assert_same(*answers)
    assert_problem(answers[0], 404, param="collections.1")
    assert len(post(as_bob, {"collections": ["own", "drinks"], "query": "tea"})["hits"]) == 3


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"document_id": "tea"}, "document_id"),
        ({"positive": ["tea"]}, "positive"),
        ({"queries": [{"query": "a"}, {"document_id": "tea"}]}, "queries.1.document_id"),
        ({"queries": [{"query": "a"}, {"positive": ["tea"]}]}, "queries.1.positive"),
        ({"queries": [{"query": "a"}, {"query": "a", "mode": "hybrid"}]}, "queries.1.mode"),
        ({"query": "a", "mode": "hybrid"}, "mode"),
        ({"queries": [{"query": "a"}] * 51}, "queries"),
        ({"query": "a", "collections": []}, "collections"),
        ({"query": "a", "collections": "drinks"}, "collections"),
        ({"query": "a", "collections": ["drinks", "Drinks"]}, "collections.1"),
        ({"query": "a", "collections": ["drinks"] * 101}, "collections"),
    ],
)
def test_what_several_collections_cant_do_is_refused(
    collection: Collection, food: Collection, as_alice: APIClient, values: Any, param: str
) -> None:
    body = {"collections": ["drinks", "food"]} | values
    assert_problem(as_alice.post(PATH, body), 400, param=param)
