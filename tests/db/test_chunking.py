"""Documents of several chunks, below HTTP."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from django.db import connection

from embeddings.constants import ChunkingMethod, JobKind, Metric, OnConflict
from embeddings.engine.hashing import HashingEmbedder
from embeddings.exceptions import TooManyChunks
from embeddings.models import Chunk, Collection, Document
from embeddings.services import engine
from embeddings.services.add import add_documents
from embeddings.services.chunking import cut_texts
from embeddings.services.imports import run_import, start_import
from embeddings.services.search import search_collection
from embeddings.store.chunks import ChunkRow, document_vector, replace_chunks
from embeddings.store.search import Target
from embeddings.types.chunking import ChunkingWish
from embeddings.types.document import DocumentInput
from embeddings.types.search import SearchParams
from tests.factories import make_collection, make_document, make_user

pytestmark = pytest.mark.django_db

SENTENCES = ChunkingWish(method=ChunkingMethod.SENTENCES, size=16)
LONG = " ".join(f"Sentence {number} has six words here." for number in range(8))

END = "Another sentence of eleven words stands at the very end now."


def cut(collection: Collection) -> dict[str, list[str]]:
    """The texts of the stored chunks of each document."""
    documents = {row.pk: row for row in Document.objects.filter(collection_id=collection.pk)}
    found: dict[str, list[str]] = {row.external_id: [] for row in documents.values()}
    chunks = Chunk.objects.filter(generation_id=collection.generation.pk).order_by("ordinal")
    for chunk in chunks:
        document = documents[chunk.document_id]
        assert chunk.ordinal == len(found[document.external_id])
        found[document.external_id].append(document.text[chunk.start : chunk.end])
    return found


def add(collection: Collection, *texts: str, **options: Any) -> Any:
    documents = [DocumentInput(f"d{number}", text) for number, text in enumerate(texts)]
    return add_documents(collection=collection, documents=documents, **options)


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that reaches the model, which is in no transaction then."""
    texts: list[str] = []
    embedder = engine.get_embedder("hashing-384")
    embed = type(embedder).embed

    def recording(self: Any, batch: Sequence[str], **options: Any) -> Any:
        texts.extend(batch)
        return embed(self, batch, **options)

    monkeypatch.setattr(type(embedder), "embed", recording)
    return texts


def test_it_works(embedded: list[str]) -> None:
    collection = make_collection(chunking=SENTENCES)

    result = add(collection, LONG, " a short one \n")

    parts = [LONG[at : at + 61] for at in range(0, len(LONG), 62)]
    assert cut(collection) == {"d0": parts, "d1": [" a short one \n"]}
    assert embedded == [*parts, " a short one \n"]
    assert (result.added, result.truncated, result.tokens) == (2, [], 8 * 6 + 3)
    vectors = engine.get_embedder("hashing-384").embed(parts).vectors
    rows = Chunk.objects.filter(generation_id=collection.generation.pk).order_by("ordinal")
    first = Document.objects.get(collection_id=collection.pk, external_id="d0").pk
    stored = [chunk.embedding for chunk in rows.filter(document_id=first)]
    assert np.allclose(stored, vectors, atol=1e-6)


def test_an_unchanged_document_is_not_embedded_again(embedded: list[str]) -> None:
    collection = make_collection(chunking=SENTENCES)
    add(collection, LONG)
    embedded.clear()

    assert add(collection, LONG).unchanged == 1
    assert embedded == []


def test_a_changed_document_gets_all_chunks_anew_and_unchanged_parts_from_the_cache(
    embedded: list[str],
) -> None:
    collection = make_collection(chunking=SENTENCES)
    owner = make_user().pk
    add(collection, LONG, owner_id=owner)
    before = cut(collection)["d0"]
    embedded.clear()

    result = add(collection, LONG[:-61] + END, owner_id=owner)

    after = cut(collection)["d0"]
    assert after == [*before[:3], END]
    assert embedded == [END]
    assert (result.updated, result.cached_tokens) == (1, 36)


def test_a_failing_write_leaves_the_old_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    collection = make_collection(chunking=SENTENCES)
    add(collection, LONG)
    before = cut(collection)

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("embeddings.services.add.bump", fail)
    with pytest.raises(RuntimeError):
        add(collection, "other " * 40)

    assert cut(collection) == before


def test_texts_are_cut_and_embedded_in_no_transaction(
    monkeypatch: pytest.MonkeyPatch, transactional_db: None
) -> None:
    collection = make_collection(chunking=SENTENCES)
    seen: list[bool] = []

    def watched(**options: Any) -> Any:
        seen.append(connection.in_atomic_block)
        return cut_texts(**options)

    monkeypatch.setattr("embeddings.services.document_chunks.cut_texts", watched)
    add(collection, LONG)

    assert seen == [False]


def test_a_document_with_its_own_vector_is_one_chunk(embedded: list[str]) -> None:
    collection = make_collection(chunking=SENTENCES)
    given = DocumentInput("d0", LONG, embedding=np.ones(384, dtype=np.float32))

    add_documents(collection=collection, documents=[given])

    assert cut(collection) == {"d0": [LONG]}
    assert embedded == []


def test_without_chunking_a_long_text_is_cut_off_and_said_to_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(engine._embedders, "hashing-384", HashingEmbedder(max_tokens=16))
    whole = make_collection(chunking=ChunkingWish(method=ChunkingMethod.NONE))
    cutting = make_collection(chunking=SENTENCES)

    assert add(whole, LONG, "short").truncated == ["d0"]
    assert add(cutting, LONG, "short").truncated == []
    assert cut(whole)["d0"] == [LONG]


def test_a_collection_of_before_chunking_does_not_cut() -> None:
    collection = make_collection(chunking=SENTENCES)
    Collection.objects.filter(pk=collection.pk).update(chunking={})
    collection.refresh_from_db()

    add(collection, LONG)

    assert cut(collection) == {"d0": [LONG]}


def test_too_many_chunks_are_refused_with_their_document(settings: Any) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"max_chunks": 3})
    collection = make_collection(chunking=SENTENCES)

    with pytest.raises(TooManyChunks, match="4 chunks; a document may have 3") as refusal:
        add(collection, "short", LONG)

    assert refusal.value.param == "documents.1.text"
    assert cut(collection) == {}


def test_an_import_refuses_the_row_alone(settings: Any) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"max_chunks": 3})
    collection = make_collection(chunking=SENTENCES)
    lines = [
        f'{{"id": "{number}", "text": "{text}"}}'
        for number, text in enumerate(("short", LONG, LONG[:150], LONG + " x"))
    ]
    job = start_import(
        owner_id=collection.owner_id,
        collection=collection,
        chunks=["\n".join(lines).encode()],
        gzip=False,
        on_conflict=OnConflict.UPSERT,
    )

    run_import(job_id=job.pk, should_stop=lambda: False)

    job.refresh_from_db()
    assert job.kind == JobKind.IMPORT
    assert {name: len(parts) for name, parts in cut(collection).items()} == {"0": 1, "2": 3}
    assert [(row["line"], row["param"], row["code"]) for row in job.refused] == [
        (2, "text", "too_many_chunks"),
        (4, "text", "too_many_chunks"),
    ]
    assert (job.result["added"], job.result["refused"]) == (2, 2)


def test_a_document_is_asked_for_by_the_mean_of_its_chunks() -> None:
    collection = make_collection(chunking=SENTENCES, metric=Metric.COSINE)
    document = make_document(collection, "here")

    def vector(*chunks: Any, as_units: bool = True) -> Any:
        rows = [
            ChunkRow(document.pk, ordinal, 0, 4, np.eye(384, dtype=np.float32)[at] * length)
            for ordinal, (at, length) in enumerate(chunks)
        ]
        replace_chunks(generation_id=collection.generation.pk, rows=rows)
        stored = document_vector(
            target=Target.of(collection.generation), document_id=document.pk, as_units=as_units
        )
        return [float(number) for number in stored[:3]] if stored is not None else None

    assert vector((0, 2)) == [2, 0, 0]
    assert vector((0, 2), (1, 4)) == [0.5, 0.5, 0]
    assert vector((0, 2), (1, 4), as_units=False) == [1, 2, 0]
    assert vector((0, 2), (0, -4)) == [2, 0, 0]
    result = search_collection(
        collection=collection, params=SearchParams(document_id=document.external_id)
    )
    assert [hit.external_id for hit in result.hits] == [document.external_id]


def test_what_stands_at_the_end_of_a_long_text_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engine._embedders, "hashing-384", HashingEmbedder(max_tokens=16))
    texts = [f"Text {number}. {LONG}" for number in range(20)]
    texts[7] += " Zebras graze in the Serengeti."
    asked = SearchParams(query="zebras graze in the Serengeti", top_k=20)

    def found(wish: ChunkingWish) -> list[tuple[str, str]]:
        collection = make_collection(chunking=wish)
        add(collection, *texts)
        hits = search_collection(collection=collection, params=asked).hits
        return [
            (hit.external_id, texts[int(hit.external_id[1:])][hit.start : hit.end]) for hit in hits
        ]

    cut = found(SENTENCES)
    assert cut[0][0] == "d7"
    assert "Zebras" in cut[0][1]
    assert len({external_id for external_id, _ in cut}) == len(cut) == 20
    whole = found(ChunkingWish(method=ChunkingMethod.NONE))
    assert whole[0][0] != "d7"
