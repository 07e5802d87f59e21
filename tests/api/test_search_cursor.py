"""Page after page of `POST /v1/search`."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from rest_framework.test import APIClient

from accounts.models import User
from embeddings.constants import SearchPath
from embeddings.models import Collection
from embeddings.services import search_candidates, search_query
from embeddings.services.add import add_documents
from embeddings.services.documents import delete_documents
from embeddings.services.search_path import find_semantic
from embeddings.types.document import DocumentInput
from embeddings.types.filter import parse_filter
from embeddings.types.search import Found
from tests.api.assertions import assert_problem
from tests.factories import make_collection, make_document

PATH = "/v1/search"
COUNT = 60

random = np.random.default_rng(11)
POINTS = random.normal(size=(COUNT, 384)).astype(np.float32)
POINTS[20:40] = POINTS[20]  # as far from every query as each other
VECTOR = random.normal(size=384).astype(np.float32)


def fill(collection: Collection) -> None:
    add_documents(
        collection=collection,
        documents=[
            DocumentInput(f"d{at}", f"text {at}", {"even": at % 2 == 0}, point)
            for at, point in enumerate(POINTS)
        ],
    )


@pytest.fixture
def points(alice: User) -> Collection:
    """Alice's, a third of it equally far."""
    made = make_collection("points", owner=alice)
    fill(made)
    return made


def body(**values: Any) -> dict[str, Any]:
    return {"collection": "points", "vector": VECTOR.tolist(), "top_k": 7, "include": []} | values


def pages(
    client: APIClient, query: dict[str, Any], between: Callable[[int], object] = lambda _: None
) -> Iterator[list[dict[str, Any]]]:
    cursor = None
    for number in range(COUNT):
        response = client.post(PATH, query | ({"cursor": cursor} if cursor else {}))
        assert response.status_code == 200, response.content
        answer = response.json()
        yield answer["hits"]
        cursor = answer["next_cursor"]
        if cursor is None:
            return
        between(number)
    raise AssertionError("the pages have no end")


def all_ids(found: Iterator[list[dict[str, Any]]]) -> list[str]:
    return [hit["id"] for page in found for hit in page]


def in_order(client: APIClient, query: dict[str, Any]) -> list[str]:
    whole = client.post(PATH, query | {"top_k": 1000, "exact": True}).json()
    return [hit["id"] for hit in whole["hits"]]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"top_k": 1},
        {"top_k": 20},
        {"top_k": 60},
        {"top_k": 61},
        {"filter": {"even": True}},
        {"min_score": 0.0},
        {"group_by": "chunk"},
        {"vector": None, "document_id": "d3"},
        {"vector": None, "query": "text 7 and text 9"},
        {"vector": None, "positive": ["d3", "d4"], "negative": ["d5"]},
        {"collection": None, "collections": ["points"]},
    ],
)
def test_the_pages_are_the_whole(
    points: Collection, as_alice: APIClient, values: dict[str, Any]
) -> None:
    query = {key: value for key, value in body(**values).items() if value is not None}
    assert all_ids(pages(as_alice, query)) == in_order(as_alice, query)


def test_the_last_page_has_no_cursor(points: Collection, as_alice: APIClient) -> None:
    assert as_alice.post(PATH, body(top_k=60)).json()["next_cursor"] is None
    assert as_alice.post(PATH, body(top_k=61)).json()["next_cursor"] is None
    first = as_alice.post(PATH, body(top_k=30)).json()
    second = as_alice.post(PATH, body(top_k=30, cursor=first["next_cursor"])).json()
    assert len(second["hits"]) == 30
    assert second["next_cursor"] is None
    assert second["plan"]["exact"] is True


def test_writes_between_pages_disturb_nothing(points: Collection, as_alice: APIClient) -> None:
    """Some come before the place reached, some behind; others go."""
    throughout = [each for each in in_order(as_alice, body()) if int(each[1:]) % 5]

    def write(number: int) -> None:
        for scale, name in ((0.01, "near"), (3.0, "far")):
            noise = random.normal(size=384).astype(np.float32)
            document = DocumentInput(f"{name}{number}", "new", {}, VECTOR + scale * noise)
            add_documents(collection=points, documents=[document])
        old = [f"d{at}" for at in range(0, COUNT, 5)][number : number + 1]
        for name in old:
            as_alice.delete(f"/v1/collection/points/documents/{name}")

    found = all_ids(pages(as_alice, body(), write))
    assert len(set(found)) == len(found)
    assert [each for each in found if each in set(throughout)] == throughout


def test_several_collections(points: Collection, alice: User, as_alice: APIClient) -> None:
    fill(make_collection("copies", owner=alice))
    query = body(collections=["points", "copies"])
    del query["collection"]
    found = [(hit["collection"], hit["id"]) for page in pages(as_alice, query) for hit in page]
    assert len(found) == len(set(found)) == 2 * COUNT
    distances = [hit["distance"] for page in pages(as_alice, query) for hit in page]
    assert all(one <= other for one, other in pairwise(distances))


def test_what_an_approximate_page_missed_comes_with_the_next(
    points: Collection, as_alice: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first page is found by an index that knows only every third document."""
    third = [f"d{at}" for at in range(0, COUNT, 3)]
    order = in_order(as_alice, body())

    def careless(*, depth: int, **asked: Any) -> Found:
        found = find_semantic(depth=COUNT, **asked)
        known = [hit for hit in found.hits if hit.external_id in third]
        return Found(known[:depth], replace(found.plan, path=SearchPath.HNSW, exact=False))

    monkeypatch.setattr(search_candidates, "find", careless)
    found = list(pages(as_alice, body()))
    names = [[hit["id"] for hit in page] for page in found]
    assert names[0] == [each for each in order if each in third][:7]
    assert [each for page in names[1:] for each in page] == [
        each for each in order if each not in names[0]
    ]


def test_a_page_of_a_text_needs_no_model_again(
    points: Collection, as_alice: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = {"collection": "points", "query": "text 7", "top_k": 7}
    cursor = as_alice.post(PATH, query).json()["next_cursor"]
    monkeypatch.setattr(search_query, "embed_cached", None)
    answer = as_alice.post(PATH, query | {"cursor": cursor}).json()
    assert len(answer["hits"]) == 7
    assert answer["usage"] == {"tokens": 0, "cached_tokens": 0}


# Bad cursors --------------------------------------------------------------------------------------


@pytest.fixture
def cursor(points: Collection, as_alice: APIClient) -> str:
    made = as_alice.post(PATH, body()).json()["next_cursor"]
    assert isinstance(made, str)
    return made


def test_what_the_next_page_may_ask_otherwise(as_alice: APIClient, cursor: str) -> None:
    answer = as_alice.post(PATH, body(cursor=cursor, top_k=3, include=["text"], facets=["even"]))
    assert [set(hit) for hit in answer.json()["hits"]] == [{"id", "score", "distance", "text"}] * 3
    assert "facets" in answer.json()


@pytest.mark.parametrize(
    "values",
    [
        {"vector": (VECTOR * 2).tolist()},
        {"vector": None, "query": "text"},
        {"vector": None, "document_id": "d1"},
        {"vector": None, "positive": ["d1"]},
        {"filter": {"even": True}},
        {"min_score": 0.1},
        {"exact": True},
        {"group_by": "chunk"},
        {"collection": "other"},
        {"collection": None, "collections": ["points", "other"]},
    ],
)
def test_that_of_another_query_is_refused(
    as_alice: APIClient, alice: User, cursor: str, values: dict[str, Any]
) -> None:
    make_collection("other", owner=alice)
    query = {key: value for key, value in body(**values).items() if value is not None}
    response = as_alice.post(PATH, query | {"cursor": cursor})
    assert_problem(response, 400, "invalid_cursor", param="cursor")


def test_that_of_a_namesake_is_refused(
    as_alice: APIClient, alice: User, points: Collection, cursor: str
) -> None:
    Collection.objects.filter(pk=points.pk).update(name="old")
    make_document(make_collection("points", owner=alice), "text")
    assert_problem(as_alice.post(PATH, body(cursor=cursor)), 400, "invalid_cursor")


def test_a_forged_one_is_refused(as_alice: APIClient, cursor: str) -> None:
    raw = base64.urlsafe_b64decode(cursor + "==")
    forged = [
        "",
        "A",
        "AAAA",
        "!" * 40,
        "é",
        cursor + "A",
        cursor[:-1],
        cursor[1:],
        cursor.swapcase(),
        base64.urlsafe_b64encode(b"\0" * len(raw)).decode(),
        *(
            base64.urlsafe_b64encode(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]).decode()
            for at in range(len(raw))
        ),
    ]
    for each in forged:
        assert_problem(as_alice.post(PATH, body(cursor=each)), 400, param="cursor")


@pytest.mark.parametrize("cursor", [7, None, [], {}, "A" * 300_001])
def test_what_is_no_text_is_refused(points: Collection, as_alice: APIClient, cursor: Any) -> None:
    assert_problem(as_alice.post(PATH, body(cursor=cursor)), 400, param="cursor")


def test_deleting_all_ends_the_pages(points: Collection, as_alice: APIClient, cursor: str) -> None:
    delete_documents(
        collection=points,
        metadata_filter=parse_filter({"$or": [{"even": True}, {"even": False}]}),
    )
    answer = as_alice.post(PATH, body(cursor=cursor)).json()
    assert (answer["hits"], answer["next_cursor"]) == ([], None)


# Other rankings -----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["keyword", "hybrid"])
def test_pages_of_a_ranking_by_words(points: Collection, as_alice: APIClient, mode: str) -> None:
    query = {"collection": "points", "query": "text 7", "mode": mode, "top_k": 13}
    order = in_order(as_alice, query)

    def write(number: int) -> None:
        make_document(points, "text 7", external_id=f"new{number}")

    assert len(order) == COUNT
    assert all_ids(pages(as_alice, query)) == order
    found = all_ids(pages(as_alice, query, write))
    assert len(set(found)) == len(found)
    assert set(found) >= set(order)
