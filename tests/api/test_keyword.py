"""Searches by words and by both, and the language of a collection, over HTTP."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from embeddings.models import Collection, Document
from tests.api.assertions import assert_problem

SEARCH = "/v1/search"


def search(client: APIClient, query: str, **options: Any) -> dict[str, Any]:
    body = {"collection": "drinks", "query": query, "mode": "keyword", **options}
    response = client.post(SEARCH, body)
    assert response.status_code == 200, response.content
    found: dict[str, Any] = response.json()
    return found


def ids(found: dict[str, Any]) -> list[str]:
    return [hit["id"] for hit in found["hits"]]


def test_it_works(collection: Collection, as_alice: APIClient) -> None:
    found = search(as_alice, "brewing tea -coffee", include=["text", "chunk", "highlights"])
    [hit] = found["hits"]
    assert hit["id"] == "tea"
    assert hit["score"] > 0
    assert hit["distance"] is None
    assert hit["highlights"] == ["How to <mark>brew</mark> green <mark>tea</mark>"]
    assert hit["chunk"]["text"] == hit["text"] == "How to brew green tea"
    plan = found["plan"]
    assert (plan["path"], plan["exact"], plan["candidates"]) == ("keyword", True, 1)
    assert found["usage"]["tokens"] == 0


def test_both_rankings_count(collection: Collection, as_alice: APIClient) -> None:
    found = search(as_alice, "green tea", mode="hybrid")
    assert ids(found)[0] == "tea"
    assert len(found["hits"]) == 3
    assert set(found["hits"][0]["scores"]) == {"semantic", "keyword"}
    assert found["plan"]["path"] == "hybrid"
    assert set(found["plan"]["weights"]) == {"semantic", "keyword"}
    weighted = search(as_alice, "green tea", mode="hybrid", weights={"semantic": 0, "keyword": 2})
    assert weighted["plan"]["weights"] == {"semantic": 0, "keyword": 1}


@pytest.mark.parametrize("mode", ["keyword", "hybrid"])
def test_a_filter_applies(collection: Collection, as_alice: APIClient, mode: str) -> None:
    assert ids(search(as_alice, "brew", mode=mode, filter={"year": 2020})) == ["tea"]


def test_pages_follow(collection: Collection, as_alice: APIClient) -> None:
    first = search(as_alice, "brew", top_k=1)
    second = search(as_alice, "brew", top_k=1, cursor=first["next_cursor"])
    assert set(ids(first) + ids(second)) == {"tea", "guides/coffee"}


def test_who_may_search(collection: Collection, as_bob: APIClient, as_charlie: APIClient) -> None:
    assert len(search(as_bob, "brew")["hits"]) == 2
    body = {"collection": "drinks", "query": "brew", "mode": "keyword"}
    assert_problem(as_charlie.post(SEARCH, body), 404, "not_found")


def test_a_cached_answer_is_the_same(collection: Collection, as_alice: APIClient) -> None:
    options: dict[str, Any] = {"mode": "hybrid", "include": ["text", "highlights"]}
    first, again = (search(as_alice, "green tea", **options) for _ in range(2))
    assert again["hits"] == first["hits"]
    assert again["plan"] == first["plan"]


def test_an_answer_follows_the_documents(collection: Collection, as_alice: APIClient) -> None:
    assert ids(search(as_alice, "oolong")) == []
    documents = [{"id": "new", "text": "Oolong"}]
    as_alice.post("/v1/add", {"collection": "drinks", "documents": documents})
    assert ids(search(as_alice, "oolong")) == ["new"]


@pytest.mark.parametrize("mode", ["keyword", "hybrid"])
@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"query": "x" * 10_001}, "query"),
        ({"query": '"a" ' * 33}, "query"),
        ({"vector": [1.0] * 384}, "mode"),
        ({"document_id": "tea"}, "mode"),
        ({"weights": {"semantic": -1, "keyword": 1}}, "weights.semantic"),
        ({"weights": {"semantic": 0, "keyword": 0}}, "weights"),
        ({"group_by": "chunk"}, "group_by"),
    ],
)
def test_what_is_refused(
    collection: Collection, as_alice: APIClient, mode: str, change: dict[str, Any], param: str
) -> None:
    body = {"collection": "drinks", "mode": mode, "query": "tea"} | change
    if change.keys() & {"vector", "document_id"}:
        del body["query"]
    assert_problem(as_alice.post(SEARCH, body), 400, param=param)


def test_a_collection_has_a_language(as_alice: APIClient) -> None:
    body = {"name": "tee", "language": "german"}
    assert as_alice.post("/v1/collection", body).json()["language"] == "german"
    documents = [{"id": "1", "text": "Die Teekannen"}]
    as_alice.post("/v1/add", {"collection": "tee", "documents": documents})
    assert ids(search(as_alice, "teekanne", collection="tee")) == ["1"]
    assert ids(search(as_alice, "die", collection="tee")) == []


@pytest.mark.parametrize("language", ["klingon", "pg_catalog.german", "German", "x'; --", "é"])
def test_an_unknown_language_is_refused_with_the_known_ones(
    as_alice: APIClient, language: str
) -> None:
    response = as_alice.post("/v1/collection", {"name": "tee", "language": language})
    problem = assert_problem(response, 400, "unknown_language", param="language")
    assert "danish, dutch, english" in problem["detail"]
    assert not Collection.objects.exists()
    assert not Document.objects.exists()
