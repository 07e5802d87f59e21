"""Adding documents, below HTTP."""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from django.db import connection

from accounts.exceptions import Problem
from embeddings.constants import OnConflict
from embeddings.engine.hashing import HashingEmbedder
from embeddings.exceptions import (
    DimensionsMismatch,
    DocumentExists,
    DuplicateDocument,
    EmptyText,
    InvalidVector,
    NotFound,
    TextTooLong,
)
from embeddings.models import Chunk, Collection, Document
from embeddings.services import engine
from embeddings.services.add import add_documents
from embeddings.services.collection import delete_collection
from embeddings.types.document import DocumentInput
from tests.factories import make_collection, make_document

pytestmark = pytest.mark.django_db


def documents(*texts: str, **metadata: Any) -> list[DocumentInput]:
    return [DocumentInput(f"d{i}", text, metadata) for i, text in enumerate(texts)]


def stored(collection: Collection) -> dict[str, str]:
    rows = Document.objects.filter(collection_id=collection.pk)
    return dict(rows.values_list("external_id", "text"))


def chunk_count(collection: Collection) -> int:
    return Chunk.objects.filter(generation_id=collection.generation.pk).count()


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that reaches the model."""
    texts: list[str] = []
    embedder = engine.get_embedder("hashing-384")
    embed = type(embedder).embed

    def recording(self: Any, batch: Sequence[str], **options: Any) -> Any:
        texts.extend(batch)
        return embed(self, batch, **options)

    monkeypatch.setattr(type(embedder), "embed", recording)
    return texts


def test_it_works() -> None:
    collection = make_collection()
    result = add_documents(collection=collection, documents=documents("one", "two"))
    assert (result.ids, result.added, result.updated, result.unchanged) == (["d0", "d1"], 2, 0, 0)
    collection.refresh_from_db()
    assert (collection.document_count, collection.version) == (2, 1)
    assert stored(collection) == {"d0": "one", "d1": "two"}
    assert chunk_count(collection) == 2


def test_unchanged_documents_are_not_embedded_again(embedded: list[str]) -> None:
    collection = make_collection()
    add_documents(collection=collection, documents=documents("one", "two", lang="en"))
    result = add_documents(collection=collection, documents=documents("one", "two!", lang="en"))
    assert embedded == ["one", "two", "two!"]
    assert (result.added, result.updated, result.unchanged) == (0, 1, 1)


def test_new_metadata_is_an_update_without_embedding(embedded: list[str]) -> None:
    collection = make_collection()
    add_documents(collection=collection, documents=documents("one", lang="en"))
    result = add_documents(collection=collection, documents=documents("one", lang="de"))
    assert embedded == ["one"]
    assert (result.updated, result.unchanged) == (1, 0)
    assert Document.objects.get(collection_id=collection.pk).metadata == {"lang": "de"}


def test_skip_leaves_what_is_there_alone(embedded: list[str]) -> None:
    collection = make_collection()
    add_documents(collection=collection, documents=documents("one"))
    result = add_documents(
        collection=collection, documents=documents("other", "two"), on_conflict=OnConflict.SKIP
    )
    assert (result.added, result.updated, result.unchanged) == (1, 0, 1)
    assert stored(collection) == {"d0": "one", "d1": "two"}
    assert embedded == ["one", "two"]


def test_error_refuses_the_whole_batch() -> None:
    collection = make_collection()
    add_documents(collection=collection, documents=[DocumentInput("d1", "one")])
    with pytest.raises(DocumentExists, match="`d1`"):
        add_documents(
            collection=collection,
            documents=documents("new", "other"),
            on_conflict=OnConflict.ERROR,
        )
    assert stored(collection) == {"d1": "one"}


def test_a_given_vector_is_stored_and_a_given_text_replaces_it(embedded: list[str]) -> None:
    collection = make_collection()
    vector = np.linspace(-1, 1, 384, dtype=np.float32)
    given = DocumentInput("d0", "one", {}, vector)
    assert add_documents(collection=collection, documents=[given]).added == 1
    chunk = Chunk.objects.get(generation_id=collection.generation.pk)
    assert np.allclose(chunk.embedding, vector, atol=0)
    assert add_documents(collection=collection, documents=[given]).unchanged == 1
    assert embedded == []
    assert add_documents(collection=collection, documents=documents("one")).updated == 1
    assert embedded == ["one"]


@pytest.mark.parametrize(
    ("bad", "error", "param"),
    [
        (DocumentInput("bad", " \n"), EmptyText, "documents.1.text"),
        (DocumentInput("bad", "a\x00b"), Problem, "documents.1.text"),
        (DocumentInput("bad", "a\ud800b"), Problem, "documents.1.text"),
        (DocumentInput("good", "twice"), DuplicateDocument, "documents.1.id"),
        (
            DocumentInput("bad", "x", {}, np.ones(3, dtype=np.float32)),
            DimensionsMismatch,
            "documents.1.embedding",
        ),
        (
            DocumentInput("bad", "x", {}, np.zeros(384, dtype=np.float32)),
            InvalidVector,
            "documents.1.embedding",
        ),
        (
            DocumentInput("bad", "x", {}, np.full(384, np.nan, dtype=np.float32)),
            InvalidVector,
            "documents.1.embedding",
        ),
    ],
)
def test_one_bad_document_refuses_the_batch(
    bad: DocumentInput, error: type[Problem], param: str
) -> None:
    collection = make_collection()
    with pytest.raises(error) as refusal:
        add_documents(collection=collection, documents=[DocumentInput("good", "one"), bad])
    assert refusal.value.param == param
    assert stored(collection) == {}
    collection.refresh_from_db()
    assert collection.version == 0


def test_nothing_is_stored_when_writing_vectors_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    collection = make_collection()

    def fail(**_: Any) -> None:
        raise RuntimeError("the server went away")

    monkeypatch.setattr("embeddings.services.add.replace_chunks", fail)
    with pytest.raises(RuntimeError):
        add_documents(collection=collection, documents=documents("one"))
    assert stored(collection) == {}


def test_a_text_over_the_limit_is_refused_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engine._embedders, "hashing-384", HashingEmbedder(max_tokens=3))
    collection = make_collection()
    add_documents(collection=collection, documents=documents("stored"))
    batch = documents("stored", "short", "one two three four")
    with pytest.raises(TextTooLong) as refusal:
        add_documents(collection=collection, documents=batch, truncate=False)
    assert refusal.value.param == "documents.2.text"
    assert stored(collection) == {"d0": "stored"}
    assert add_documents(collection=collection, documents=batch).truncated == ["d2"]


@pytest.mark.django_db(transaction=True)
def test_a_collection_deleted_meanwhile_is_not_found() -> None:
    collection = make_collection()
    stale = Collection.objects.select_related("active").get(pk=collection.pk).show_whole()
    delete_collection(collection=collection)
    with pytest.raises(NotFound):
        add_documents(collection=stale, documents=documents("one"))


@pytest.mark.django_db(transaction=True)
def test_concurrent_writers_of_the_same_documents_leave_one_of_each() -> None:
    collection = make_collection()
    errors: list[Exception] = []

    def write(writer: int) -> None:
        try:
            for round_ in range(5):
                texts = [f"writer {writer} round {round_} text {i}" for i in range(10)]
                batch = documents(*texts)
                add_documents(collection=collection, documents=batch[:: 1 if writer % 2 else -1])
        except Exception as error:  # noqa: BLE001  the thread hands it over
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=[writer]) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    collection.refresh_from_db()
    assert collection.document_count == len(stored(collection)) == 10
    assert chunk_count(collection) == 10
    embedder = engine.get_embedder("hashing-384")
    for chunk in Chunk.objects.filter(generation_id=collection.generation.pk):
        text = Document.objects.get(collection_id=collection.pk, id=chunk.document_id).text
        assert np.allclose(chunk.embedding, embedder.embed([text]).vectors[0], atol=1e-6)


def test_the_document_id_depends_on_collection_and_external_id_alone() -> None:
    collection = make_collection()
    first = make_document(collection, "one", external_id="x")
    again = make_document(collection, "two", external_id="x")
    elsewhere = make_document(make_collection(), "one", external_id="x")
    assert first.pk == again.pk != elsewhere.pk
