"""What `POST /v1/search` makes of hits: groups, different ones, reranked ones, counts."""

from typing import Any

import numpy as np
import pytest
from rest_framework.test import APIClient

from accounts.models import User
from embeddings.models import Collection
from embeddings.services import engine
from embeddings.services.add import add_documents
from embeddings.types.document import DocumentInput
from tests.api.assertions import assert_problem
from tests.factories import make_collection, make_documents
from tests.rerankers import WordOverlap

PATH = "/v1/search"


def ray(degrees: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A vector that far from the first axis."""
    vector = np.zeros(384, dtype=np.float32)
    vector[:2] = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return vector


QUERY = ray(0).tolist()

BOOKS = (
    ("dune", 1, {"author": {"name": "Herbert"}, "lang": "en", "tags": ["sand", "spice"]}),
    ("emma", 2, {"author": {"name": "Austen"}, "lang": "en", "tags": []}),
    ("messiah", 3, {"author": {"name": "Herbert"}, "lang": "de", "tags": ["sand", "sand"]}),
    ("children", 4, {"author": {"name": "Herbert"}, "lang": None, "tags": "sand"}),
    ("persuasion", 5, {"author": {"name": "Austen"}, "lang": "en"}),
    ("beowulf", 30, {"author": None, "lang": "ang", "tags": [None, 1, 1.0, True, {"a": 1}]}),
)


@pytest.fixture
def books(alice: User) -> Collection:
    """Alice's, each a degree or more farther from QUERY than the one before."""
    made = make_collection("books", owner=alice)
    add_documents(
        collection=made,
        documents=[
            DocumentInput(name, f"the book {name}", metadata, ray(degrees))
            for name, degrees, metadata in BOOKS
        ],
    )
    return made


def ask(client: APIClient, **values: Any) -> Any:
    response = client.post(PATH, {"collection": "books", "vector": QUERY} | values)
    assert response.status_code == 200, response.content
    return response.json()


def ids(hits: list[dict[str, Any]]) -> list[str]:
    return [hit["id"] for hit in hits]


def test_groups_by_a_field(books: Collection, as_alice: APIClient) -> None:
    answer = ask(as_alice, group_by={"field": "author.name", "size": 2})
    assert set(answer) == {"groups", "plan", "next_cursor", "usage", "took_ms"}
    assert [(each["value"], ids(each["hits"])) for each in answer["groups"]] == [
        ("Herbert", ["dune", "messiah"]),
        ("Austen", ["emma", "persuasion"]),
    ]
    assert answer["groups"][0]["hits"][0]["text"] == "the book dune"
    assert answer["plan"]["exact"] is True
    assert answer["next_cursor"] is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"top_k": 1}, ["Herbert"]),
        ({"filter": {"lang": "en"}}, ["Herbert", "Austen"]),
        ({"filter": {"lang": "de"}}, ["Herbert"]),
        ({"filter": {"lang": "ang"}}, []),
        ({"min_score": 0.9993}, ["Herbert", "Austen"]),
        ({"min_score": 0.9998}, ["Herbert"]),
        ({"group_by": {"field": "lang"}}, ["en", "de", "ang"]),
        ({"group_by": {"field": "tags"}}, ["sand", "spice", 1, True]),
        ({"group_by": {"field": "nothing"}}, []),
    ],
)
def test_which_groups(
    books: Collection, as_alice: APIClient, values: dict[str, Any], expected: list[Any]
) -> None:
    answer = ask(as_alice, **({"group_by": {"field": "author.name"}} | values))
    found = [each["value"] for each in answer["groups"]]
    assert [(type(value), value) for value in found] == [(type(v), v) for v in expected]


@pytest.fixture
def reranker(monkeypatch: pytest.MonkeyPatch) -> WordOverlap:
    """The default one: it counts the words that a text shares with the query."""
    made = WordOverlap()
    monkeypatch.setitem(engine._rerankers, engine.default_reranker(), made)
    return made


@pytest.fixture
def shelf(alice: User) -> Collection:
    made = make_collection("books", owner=alice)
    make_documents(
        made,
        DocumentInput("one", "dune"),
        DocumentInput("two", "emma wind heat heat sand sea"),
        DocumentInput("none", "beowulf"),
    )
    return made


def test_reranked(shelf: Collection, as_alice: APIClient, reranker: WordOverlap) -> None:
    query = {"query": "dune dune emma wind", "collection": "books"}
    plain = as_alice.post(PATH, query).json()
    answer = as_alice.post(PATH, query | {"rerank": True}).json()
    assert ids(plain["hits"]) == ["one", "two", "none"]
    assert ids(answer["hits"]) == ["two", "one", "none"]
    first = answer["hits"][0]
    assert first["score"] == first["scores"]["rerank"] == pytest.approx(1 / (1 + np.exp(-1)))
    assert first["scores"]["semantic"] == plain["hits"][1]["score"]
    assert answer["plan"]["considered"] == 3
    assert answer["usage"]["tokens"] == plain["usage"]["tokens"] + 1 + 6 + 1
    assert len(reranker.calls) == 1


def test_only_the_first_are_reranked(
    shelf: Collection, as_alice: APIClient, reranker: WordOverlap
) -> None:
    query = {"query": "dune dune emma wind", "collection": "books", "top_k": 1}
    answer = as_alice.post(PATH, query | {"rerank": {"top_n": 2}}).json()
    assert ids(answer["hits"]) == ["two"]
    assert [len(texts) for _, texts in reranker.calls] == [2]
    assert as_alice.post(PATH, query | {"rerank": False}).json()["plan"].get("considered") is None


def test_min_score_is_that_of_the_reranker(
    shelf: Collection, as_alice: APIClient, reranker: WordOverlap
) -> None:
    query = {"query": "dune emma wind", "collection": "books", "rerank": True, "min_score": 0.4}
    assert ids(as_alice.post(PATH, query).json()["hits"]) == ["two", "one"]


def test_an_unknown_reranker_is_named(shelf: Collection, as_alice: APIClient) -> None:
    for name, code in (("nothing", "unknown_model"), ("hashing-384", "wrong_model_kind")):
        query = {"query": "dune", "collection": "books", "rerank": {"model": name}}
        assert_problem(as_alice.post(PATH, query), 400, code, param="rerank.model")


def test_different_hits(books: Collection, as_alice: APIClient) -> None:
    assert ids(ask(as_alice, top_k=2)["hits"]) == ["dune", "emma"]
    assert ids(ask(as_alice, top_k=2, diversity=0)["hits"]) == ["dune", "emma"]
    answer = ask(as_alice, top_k=2, diversity=0.7)
    assert ids(answer["hits"]) == ["dune", "beowulf"]
    assert answer["plan"]["considered"] == 6
    assert "vector" not in answer["hits"][0]
    assert ids(ask(as_alice, top_k=2, diversity=1, min_score=0.9)["hits"]) == ["dune", "persuasion"]


def test_different_reranked_hits(
    shelf: Collection, as_alice: APIClient, reranker: WordOverlap
) -> None:
    query = {"query": "dune dune emma wind", "collection": "books", "rerank": True}
    answers = [
        as_alice.post(PATH, query | {"top_k": 2} | values).json()
        for values in ({}, {"diversity": 1})
    ]
    assert [ids(answer["hits"]) for answer in answers] == [["two", "one"], ["two", "none"]]


def test_counts_over_all_matches(books: Collection, as_alice: APIClient) -> None:
    answer = ask(as_alice, top_k=1, facets=["lang", {"field": "author.name", "limit": 1}, "tags"])
    assert len(answer["hits"]) == 1
    assert answer["facets"]["lang"] == {
        "values": [
            {"value": "en", "count": 3},
            {"value": "ang", "count": 1},
            {"value": "de", "count": 1},
        ],
        "null": 1,
        "absent": 0,
        "more": False,
    }
    assert answer["facets"]["author.name"] == {
        "values": [{"value": "Herbert", "count": 3}],
        "null": 0,
        "absent": 1,
        "more": True,
    }
    tags = answer["facets"]["tags"]
    assert [(each["value"], each["count"]) for each in tags["values"]] == [
        ("sand", 3),
        ("spice", 1),
        (1, 1),
        (True, 1),
    ]
    assert (tags["null"], tags["absent"]) == (0, 1)


def test_counts_under_a_filter(books: Collection, as_alice: APIClient) -> None:
    answer = ask(as_alice, filter={"author.name": "Austen"}, facets=["lang", "author"])
    assert answer["facets"] == {
        "lang": {"values": [{"value": "en", "count": 2}], "null": 0, "absent": 0, "more": False},
        "author": {"values": [], "null": 0, "absent": 0, "more": False},
    }


def test_like_some_unlike_others(books: Collection, as_alice: APIClient) -> None:
    def like(**examples: Any) -> list[str]:
        body = {"collection": "books", "top_k": 2} | examples
        response = as_alice.post(PATH, body)
        assert response.status_code == 200, response.content
        return ids(response.json()["hits"])

    assert like(positive=["emma"]) == ["dune", "messiah"]
    assert like(positive=["dune", "messiah"]) == ["emma", "children"]
    assert like(positive=["messiah"], negative=["dune"]) == ["persuasion", "children"]


def test_the_formula_of_a_recommendation(books: Collection, as_alice: APIClient) -> None:
    body = {"collection": "books", "positive": ["dune", "emma"], "negative": ["beowulf"]}
    hits = as_alice.post(PATH, body).json()["hits"]
    positive = (ray(1) + ray(2)) / 2
    vector = positive + (positive - ray(30))
    assert ids(hits) == ["messiah", "children", "persuasion"]
    for hit, degrees in zip(hits, (3, 4, 5), strict=True):
        expected = vector @ ray(degrees) / np.linalg.norm(vector)
        assert hit["score"] == pytest.approx(expected, abs=1e-6)


def test_a_long_vector_is_no_better_example(books: Collection, as_alice: APIClient) -> None:
    loud = DocumentInput("loud", "loud", {}, 100 * ray(89))
    add_documents(collection=books, documents=[loud])
    hits = as_alice.post(PATH, {"collection": "books", "positive": ["dune", "loud"]}).json()["hits"]
    assert hits[0]["id"] == "beowulf"
    assert hits[0]["score"] == pytest.approx(np.cos(np.radians(45 - 30)), abs=1e-6)


@pytest.mark.parametrize(
    ("examples", "param"),
    [
        ({"positive": ["dune", "nothing"]}, "positive.1"),
        ({"positive": ["dune"], "negative": ["emma", "nothing"]}, "negative.1"),
    ],
)
def test_an_unknown_example_is_named(
    books: Collection, as_alice: APIClient, examples: dict[str, Any], param: str
) -> None:
    body = {"collection": "books"} | examples
    assert_problem(as_alice.post(PATH, body), 404, "not_found", param=param)


def test_counts_over_the_matches_of_words(shelf: Collection, as_alice: APIClient) -> None:
    make_documents(
        shelf,
        DocumentInput("three", "a dune of sand", {"lang": "en"}),
        DocumentInput("four", "the emma of sand", {"lang": "de"}),
    )

    def counted(query: str, **values: Any) -> tuple[list[tuple[Any, int]], int]:
        body = {"collection": "books", "query": query, "mode": "keyword", "facets": ["lang"]}
        response = as_alice.post(PATH, body | {"top_k": 1} | values)
        assert response.status_code == 200, response.content
        facet = response.json()["facets"]["lang"]
        return [(each["value"], each["count"]) for each in facet["values"]], facet["absent"]

    assert counted("dune") == ([("en", 1)], 1)
    assert counted("sand") == ([("de", 1), ("en", 1)], 1)
    assert counted("sand -dune") == ([("de", 1)], 1)
    assert counted("sand", filter={"lang": "en"}) == ([("en", 1)], 0)
    assert counted("the") == ([], 0)
    assert counted("nowhere") == ([], 0)


@pytest.mark.parametrize("mode", ["keyword", "hybrid"])
def test_groups_by_words(books: Collection, as_alice: APIClient, mode: str) -> None:
    body = {"collection": "books", "query": "book", "mode": mode}
    answer = as_alice.post(PATH, body | {"group_by": {"field": "author.name", "size": 2}}).json()
    assert {each["value"]: len(each["hits"]) for each in answer["groups"]} == {
        "Herbert": 2,
        "Austen": 2,
    }
    assert answer["plan"]["considered"] == 6


@pytest.mark.parametrize("mode", ["keyword", "hybrid"])
def test_different_and_reranked_hits_by_words(
    books: Collection, as_alice: APIClient, reranker: WordOverlap, mode: str
) -> None:
    body = {"collection": "books", "query": "the book beowulf", "mode": mode}
    hits = as_alice.post(PATH, body | {"rerank": True, "diversity": 0.5}).json()["hits"]
    assert len(hits) == 6
    assert hits[0]["id"] == "beowulf"
    assert hits[0]["scores"].keys() >= {mode, "rerank"}
