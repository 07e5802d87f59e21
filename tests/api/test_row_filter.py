"""What a row filter hides is not there: an answer is as if its documents had never been stored."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from accounts.policy import Role
from embeddings.constants import SearchPath
from embeddings.models import Collection, Grant
from embeddings.services import search
from embeddings.types.search import Plan, SearchResult
from tests.api.assertions import assert_problem
from tests.api.row_filters import MINE, make_mixed, narrowed
from tests.factories import make_collection, make_documents


@pytest.fixture
def mixed(alice: User, charlie: User) -> Collection:
    return make_mixed(alice, charlie)


@pytest.fixture
def plain(alice: User) -> Collection:
    """Alice's, with no more than Charlie sees of the other."""
    made = make_collection("plain", owner=alice)
    make_documents(made, *MINE)
    return made


def scrubbed(value: Any) -> Any:
    """Without what differs from one answer to the same next, as the order of equal hits."""
    if isinstance(value, dict):
        left = {key: inner for key, inner in value.items() if key not in ("took_ms", "usage")}
        if "next_cursor" in left:
            left["next_cursor"] = left["next_cursor"] is not None
        return {key: scrubbed(inner) for key, inner in left.items()}
    if isinstance(value, list):
        if value and isinstance(value[0], dict) and "score" in value[0]:
            value = sorted(value, key=lambda hit: (hit["score"], hit["id"]))
        return [scrubbed(item) for item in value]
    return pytest.approx(value) if isinstance(value, float) else value


QUERY = {"query": "brew green tea", "top_k": 20}
SEARCHES: dict[str, dict[str, Any]] = {
    "semantic": QUERY,
    "exact": QUERY | {"exact": True, "include": ["text", "metadata", "vector", "chunk"]},
    "few": QUERY | {"top_k": 2},
    "filter": QUERY | {"filter": {"lang": {"$ne": "fr"}}},
    "its own rows": QUERY | {"filter": {"tenant": {"$nin": [1]}}},
    "keyword": QUERY | {"mode": "keyword", "include": ["text", "highlights"]},
    "phrase": {"query": '"green tea" -cold', "mode": "keyword"},
    "hybrid": QUERY | {"mode": "hybrid"},
    "weights": {
        "query": "green tea beans",  # no two match equally well
        "mode": "hybrid",
        "weights": {"semantic": 1, "keyword": 2},
    },
    "chunks": QUERY | {"group_by": "chunk"},
    "groups": QUERY | {"group_by": {"field": "lang", "size": 3}},
    "diversity": QUERY | {"diversity": 0.5},
    "facets": QUERY | {"facets": ["lang", "tenant"]},
    "facets of words": QUERY | {"mode": "keyword", "facets": ["lang", "n"]},
    "vector": {"vector": [1.0, *range(1, 384)], "top_k": 20},
    "a document": {"document_id": "tea", "top_k": 20},
    "recommendation": {"positive": ["tea"], "negative": ["cocoa"], "top_k": 20},
    "batch": {"queries": [QUERY, QUERY | {"mode": "keyword"}]},
}


def filtered(body: dict[str, Any]) -> dict[str, Any]:
    """With a filter that lets all through that Charlie sees, so that the plan counts them."""
    if "queries" in body:
        return body | {"queries": [filtered(query) for query in body["queries"]]}
    both = [{"tenant": {"$in": [1, 2]}}, *([body["filter"]] if "filter" in body else [])]
    return body | {"filter": {"$and": both}}


@pytest.mark.parametrize("body", SEARCHES.values(), ids=SEARCHES)
def test_a_search_answers_as_if_the_rest_were_not_there(
    mixed: Collection, plain: Collection, as_alice: APIClient, as_charlie: APIClient, body: Any
) -> None:
    first, again = (as_charlie.post("/v1/search", {"collection": "mixed"} | body) for _ in range(2))
    assert first.status_code == 200, first.content
    assert b"zebra" not in first.content
    expected = as_alice.post("/v1/search", {"collection": "plain"} | filtered(body)).json()
    assert scrubbed(first.json()) == scrubbed(expected)
    assert scrubbed(again.json()) == scrubbed(expected)
    assert b"zebra" in as_alice.post("/v1/search", {"collection": "mixed"} | QUERY).content


def test_how_deep_the_index_was_searched_is_not_told(
    mixed: Collection, as_alice: APIClient, as_charlie: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It grows with what is not seen."""
    plan = Plan(path=SearchPath.HNSW, exact=False, ef_search=400)
    monkeypatch.setattr(search, "_found", lambda *_: SearchResult(hits=[], plan=plan))
    body = {"collection": "mixed", **QUERY}
    cases = [(as_alice, body, 400), (as_charlie, body, None)]
    cases.append((as_charlie, body | {"ef_search": 50}, 50))
    for client, asked, told in cases:
        answer = client.post("/v1/search", asked)
        assert answer.json()["plan"]["ef_search"] == told


def test_several_collections_each_with_its_own_view(
    mixed: Collection, plain: Collection, charlie: User, as_charlie: APIClient
) -> None:
    Grant.objects.create(
        collection=plain, user=charlie, role=Role.VIEWER, row_filter={"n": {"$gt": 2}}
    )
    body = QUERY | {"collections": ["mixed", "plain"], "facets": ["n"]}
    answer = as_charlie.post("/v1/search", body)
    found = sorted((hit["collection"], hit["id"]) for hit in answer.json()["hits"])
    assert found == [
        *(("mixed", each) for each in ("cocoa", "coffee", "mate", "tea")),
        *(("plain", each) for each in ("cocoa", "coffee")),
    ]
    counts = {each["value"]: each["count"] for each in answer.json()["facets"]["n"]["values"]}
    assert counts == {1: 1, 2: 1, 3: 2, 4: 2}


@pytest.mark.parametrize("mode", ["semantic", "keyword"])
def test_pages_hold_what_is_seen_once(
    mixed: Collection, as_alice: APIClient, as_charlie: APIClient, mode: str
) -> None:
    body = {"collection": "mixed", "query": "brew roast", "mode": mode, "top_k": 1}
    seen, cursor = [], None
    for _ in range(9):
        answer = as_charlie.post("/v1/search", body | ({"cursor": cursor} if cursor else {}))
        seen += [hit["id"] for hit in answer.json()["hits"]]
        if (cursor := answer.json()["next_cursor"]) is None:
            break
        # A page of one view is no beginning of another's.
        others = as_alice.post("/v1/search", body | {"cursor": cursor})
        assert_problem(others, 400, "invalid_cursor", param="cursor")
    assert sorted(seen) == ["cocoa", "coffee", "mate", "tea"]


def test_documents_and_counts(
    mixed: Collection, plain: Collection, as_alice: APIClient, as_charlie: APIClient
) -> None:
    listed = as_charlie.get("/v1/collection/mixed/documents", {"limit": 3}).json()
    rest = as_charlie.get(
        "/v1/collection/mixed/documents", {"limit": 3, "cursor": listed["next_cursor"]}
    ).json()
    ids = [each["id"] for each in listed["documents"] + rest["documents"]]
    assert (sorted(ids), rest["next_cursor"]) == (["cocoa", "coffee", "mate", "tea"], None)
    shown = as_charlie.get("/v1/collection/mixed").json()
    assert (shown["count"], shown["version"], shown["updated_at"]) == (4, None, None)
    assert [each["count"] for each in as_charlie.get("/v1/collection").json()["collections"]] == [4]
    stats = as_charlie.get("/v1/collection/mixed/stats").json()
    assert (stats["documents"], stats["chunks"], stats["index"]) == (4, 4, None)
    assert as_alice.get("/v1/collection/mixed").json()["count"] == 14


def found(client: APIClient) -> list[str]:
    answer = client.post("/v1/search", {"collection": "mixed"} | QUERY)
    return sorted(hit["id"] for hit in answer.json()["hits"])


def test_another_filter_holds_from_the_next_request_on(
    mixed: Collection, charlie: User, as_charlie: APIClient
) -> None:
    """Although results are remembered, and searches begin with the view that was seen last."""
    grant = Grant.objects.get(user=charlie, role=Role.VIEWER)
    Grant.objects.filter(user=charlie, role=Role.EDITOR).delete()
    cases: list[tuple[Any, list[str]]] = [
        ({"n": 1, "tenant": 1}, ["tea"]),
        ({"n": True, "tenant": 1}, []),  # which Python takes for the one before
        ({"n": 2, "tenant": 1}, ["mate"]),
        ({"n": 1, "tenant": 1}, ["tea"]),
        ({"$broken": 1}, []),
    ]
    for row_filter, expected in cases:
        Grant.objects.filter(pk=grant.pk).update(row_filter=row_filter)
        assert found(as_charlie) == expected, row_filter
        assert found(as_charlie) == expected, row_filter
    grant.delete()
    answer = as_charlie.post("/v1/search", {"collection": "mixed"} | QUERY)
    assert_problem(answer, 404, "not_found")


def test_each_token_shows_its_own(mixed: Collection, alice: User, charlie: User) -> None:
    ones, threes = narrowed(alice, tenant=1), narrowed(alice, tenant=3)
    for _ in range(2):
        assert found(ones) == ["mate", "tea"]
        assert len(found(threes)) == 9
        assert found(narrowed(charlie, tenant=3)) == []
        assert found(narrowed(charlie, tenant=2)) == ["cocoa", "coffee"]


def test_where_the_filter_can_not_be_compared_nothing_is_shown(
    mixed: Collection, alice: User, as_alice: APIClient
) -> None:
    client = narrowed(alice, since=2020)
    as_alice.patch("/v1/collection/mixed", {"metadata_schema": {"since": "datetime"}})
    assert found(client) == []
    add = {"collection": "mixed", "documents": [{"text": "x", "metadata": {}}]}
    assert_problem(client.post("/v1/add", add), 403, "outside_view")


def test_a_filter_goes_on_comparing_how_a_field_declared_since_is_spelled(
    mixed: Collection, alice: User, as_alice: APIClient
) -> None:
    condition = {"since": {"$prefix": "2024"}}
    client = narrowed(alice, **condition)
    document = {"id": "dated", "text": "tea", "metadata": {"since": "2024-05-01"}}
    as_alice.post("/v1/add", {"collection": "mixed", "documents": [document]})
    as_alice.patch("/v1/collection/mixed", {"metadata_schema": {"since": "datetime"}})
    assert found(client) == ["dated"]
    asked = as_alice.post("/v1/search", {"collection": "mixed", "filter": condition} | QUERY)
    assert_problem(asked, 400, "invalid_filter", param="filter.since.$prefix")
