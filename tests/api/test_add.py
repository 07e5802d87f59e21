"""`POST /v1/add`."""

import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from embeddings.engine.hashing import HashingEmbedder
from embeddings.models import Chunk, Collection, Document
from embeddings.services import engine
from tests.api.assertions import assert_problem, assert_same

PATH = "/v1/add"
VECTOR = [1.0] + [0.0] * 383


def body(*documents: Any, **values: Any) -> dict[str, Any]:
    return {"collection": "drinks", "documents": list(documents)} | values


def stored(collection: Collection) -> dict[str, str]:
    rows = Document.objects.filter(collection_id=collection.pk)
    return dict(rows.values_list("external_id", "text"))


def test_it_works(collection: Collection, as_alice: APIClient) -> None:
    new = {"id": "mate", "text": "How to brew mate", "metadata": {"lang": "es"}}
    changed = {"id": "tea", "text": "How to brew black tea"}
    same = {
        "id": "guides/coffee",
        "text": "How to brew coffee",
        "metadata": {"lang": "en", "year": 2024},
    }

    answer = as_alice.post(PATH, body(new, changed, same))

    assert answer.status_code == 200
    result = answer.json()
    assert result.pop("usage")["tokens"] > 0
    assert result == {
        "ids": ["mate", "tea", "guides/coffee"],
        "added": 1,
        "updated": 1,
        "unchanged": 1,
        "truncated": [],
    }
    assert stored(collection)["tea"] == "How to brew black tea"
    assert as_alice.get("/v1/collection/drinks").json()["count"] == 4


def test_the_cast(
    collection: Collection, as_bob: APIClient, as_charlie: APIClient, stranger: APIClient
) -> None:
    document = {"id": "new", "text": "new"}
    absent = body(document) | {"collection": "nothing"}

    assert_problem(as_bob.post(PATH, body(document)), 403, "forbidden")
    assert_same(
        as_charlie.post(PATH, body(document), HTTP_X_REQUEST_ID="same"),
        as_charlie.post(PATH, absent, HTTP_X_REQUEST_ID="same"),
    )
    assert_problem(stranger.post(PATH, body(document)), 401, "not_authenticated")
    assert "new" not in stored(collection)


def test_a_missing_collection_is_not_made(as_alice: APIClient) -> None:
    assert_problem(as_alice.post(PATH, body({"text": "tea"})), 404, "not_found")
    assert not Collection.objects.exists()


def test_an_id_is_made_where_none_is_given(collection: Collection, as_alice: APIClient) -> None:
    ids = as_alice.post(PATH, body({"text": "one"}, {"text": "one"})).json()["ids"]

    assert len({uuid.UUID(made) for made in ids}) == 2
    assert set(ids) < set(stored(collection))


def test_a_given_vector_spares_the_model(
    collection: Collection, as_alice: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(HashingEmbedder, "embed")

    answer = as_alice.post(PATH, body({"id": "own", "text": "mine", "embedding": VECTOR}))

    assert answer.json()["usage"] == {"tokens": 0, "cached_tokens": 0}
    chunk = Chunk.objects.get(document__external_id="own", generation=collection.generation)
    assert list(chunk.embedding) == VECTOR


@pytest.mark.parametrize(
    ("mode", "status", "text"),
    [("upsert", 200, "new"), ("skip", 200, "How to brew green tea"), ("error", 409, None)],
)
def test_conflicts(
    collection: Collection, as_alice: APIClient, mode: str, status: int, text: str | None
) -> None:
    documents = [{"id": "other", "text": "other"}, {"id": "tea", "text": "new"}]

    response = as_alice.post(PATH, body(*documents, on_conflict=mode))

    assert response.status_code == status
    if status == 409:
        problem = assert_problem(response, 409, "document_exists", param="documents.1.id")
        assert "`tea`" in problem["detail"]
    assert stored(collection)["tea"] == (text or "How to brew green tea")
    assert ("other" in stored(collection)) is (status == 200)


def test_a_long_text_is_cut_and_reported_or_refused(
    collection: Collection, as_alice: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(engine._embedders, "hashing-384", HashingEmbedder(max_tokens=3))
    documents = [{"id": "short", "text": "short"}, {"id": "long", "text": "one two three four"}]

    refusal = as_alice.post(PATH, body(*documents, truncate=False))
    assert_problem(refusal, 400, "text_too_long", param="documents.1.text")
    assert "short" not in stored(collection)

    assert as_alice.post(PATH, body(*documents)).json()["truncated"] == ["long"]


def vector(*changes: Any) -> list[Any]:
    return [*changes, *VECTOR[len(changes) :]]


BAD_DOCUMENTS: list[tuple[Any, str]] = [
    ("tea", ""),
    (None, ""),
    (["tea"], ""),
    ({}, ".text"),
    ({"text": None}, ".text"),
    ({"text": 7}, ".text"),
    ({"text": ""}, ".text"),
    ({"text": " \t\n"}, ".text"),
    ({"text": "a\x00b"}, ".text"),
    ({"text": "x" * 200_001}, ".text"),
    ({"text": "t", "id": ""}, ".id"),
    ({"text": "t", "id": 7}, ".id"),
    ({"text": "t", "id": None}, ".id"),
    ({"text": "t", "id": "a\x00"}, ".id"),
    ({"text": "t", "id": "x" * 513}, ".id"),
    ({"text": "t", "id": "good"}, ".id"),
    ({"text": "t", "metadata": []}, ".metadata"),
    ({"text": "t", "metadata": "x"}, ".metadata"),
    ({"text": "t", "metadata": {"a": "\x00"}}, ".metadata"),
    ({"text": "t", "metadata": {"a": [{"b\x00": 1}]}}, ".metadata"),
    ({"text": "t", "metadata": {"a": "x" * 65_536}}, ".metadata"),
    ({"text": "t", "embedding": "AAAA"}, ".embedding"),
    ({"text": "t", "embedding": []}, ".embedding"),
    ({"text": "t", "embedding": VECTOR[:383]}, ".embedding"),
    ({"text": "t", "embedding": [*VECTOR, 0.0]}, ".embedding"),
    ({"text": "t", "embedding": [1.0] * 16_001}, ".embedding"),
    ({"text": "t", "embedding": [0.0] * 384}, ".embedding"),
    ({"text": "t", "embedding": [1e-30] * 384}, ".embedding"),
    ({"text": "t", "embedding": vector(1e39)}, ".embedding"),
    ({"text": "t", "embedding": vector(1e20)}, ".embedding"),
    ({"text": "t", "embedding": vector("1.0")}, ".embedding"),
    ({"text": "t", "embedding": vector(True)}, ".embedding"),
    ({"text": "t", "embedding": vector(None)}, ".embedding"),
    ({"text": "t", "embedding": vector([1.0])}, ".embedding"),
    ({"text": "t", "vector": VECTOR}, ".vector"),
    ({"text": "t", "a\x00": 1}, ".a\x00"),
]


@pytest.mark.parametrize(("bad", "field"), BAD_DOCUMENTS)
def test_one_bad_document_refuses_the_batch(
    collection: Collection, as_alice: APIClient, bad: Any, field: str
) -> None:
    before = stored(collection)
    good = {"id": "good", "text": "good"}

    response = as_alice.post(PATH, body(good, bad))

    assert_problem(response, 400, param=f"documents.1{field}")
    assert stored(collection) == before


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"documents": []}, "documents"),
        ({"documents": {}}, "documents"),
        ({"documents": None}, "documents"),
        ({"documents": [{"text": "t"}] * 1001}, "documents"),
        ({"collection": "Drinks"}, "collection"),
        ({"collection": "a\x00"}, "collection"),
        ({"collection": 7}, "collection"),
        ({"on_conflict": "replace"}, "on_conflict"),
        ({"truncate": "no"}, "truncate"),
        ({"upsert": True}, "upsert"),
    ],
)
def test_a_bad_request_stores_nothing(
    collection: Collection, as_alice: APIClient, values: Any, param: str
) -> None:
    before = stored(collection)
    assert_problem(as_alice.post(PATH, body({"text": "new"}) | values), 400, param=param)
    assert stored(collection) == before


def test_every_bad_document_is_named(collection: Collection, as_alice: APIClient) -> None:
    problem = as_alice.post(PATH, body({"id": "a"}, {"text": "t"}, {"text": 1})).json()
    assert [error["param"] for error in problem["errors"]] == [
        "documents.0.text",
        "documents.2.text",
    ]
