"""What vectors and their index cost a change of metadata, which is in another table: nothing."""

import statistics
import time
import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import transaction

from accounts.principal import Principal
from embeddings.constants import IndexState, OnConflict
from embeddings.models import Collection
from embeddings.models.document import document_id
from embeddings.services.add import add_documents
from embeddings.services.collection import create_collection, delete_collection
from embeddings.services.quality import Step
from embeddings.store.documents import DocumentRow, write_documents
from embeddings.store.index import build_index
from embeddings.types.document import DocumentInput

BATCH = 1_000
WORDS = 20


def measure_updates(
    *, principal: Principal, model: str, documents: int, rounds: int, step: Step
) -> dict[str, Any]:
    """Seconds to change the metadata of all documents, in a collection with vectors and a live HNSW
    index, and in one with the same documents and without vectors, in turns; and the ratio of the
    two rates. Both are passing ones.
    """
    names = [f"benchmark-{uuid.uuid4().hex[:12]}" for _ in range(2)]
    indexed, bare = (
        create_collection(principal=principal, name=name, model=model) for name in names
    )
    try:
        # Said first, lest a job builds it too.
        indexed.generation.index_state = IndexState.READY.value
        indexed.generation.save(update_fields=["index_state"])
        _fill(indexed, documents, step)
        build_index(generation=indexed.generation)
        _change(bare, documents, turn=0)
        seconds: dict[str, list[float]] = {"indexed": [], "bare": []}
        for turn in range(1, rounds + 1):
            both = [("indexed", indexed), ("bare", bare)]
            for name, collection in both if turn % 2 else reversed(both):
                started = time.perf_counter()
                _change(collection, documents, turn=turn)
                seconds[name].append(time.perf_counter() - started)
                step("update", documents)
    finally:
        for collection in (indexed, bare):
            delete_collection(collection=collection)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        "documents": documents,
        "rounds": rounds,
        "indexed_s": round(medians["indexed"], 4),
        "bare_s": round(medians["bare"], 4),
        "ratio": round(medians["bare"] / medians["indexed"], 3),
    }


def _fill(collection: Collection, count: int, step: Step) -> None:
    random = np.random.default_rng(1)
    for first in range(0, count, BATCH):
        numbers = range(first, min(first + BATCH, count))
        points = random.normal(size=(len(numbers), collection.generation.dimensions))
        inputs = [
            DocumentInput(str(number), _text(number), _metadata(number, 0), point)
            for number, point in zip(numbers, points.astype(np.float32), strict=True)
        ]
        add_documents(collection=collection, documents=inputs)
        step("document", len(inputs))


def _change(collection: Collection, count: int, *, turn: int) -> None:
    for first in range(0, count, BATCH):
        rows = _rows(collection, range(first, min(first + BATCH, count)), turn)
        with transaction.atomic():
            write_documents(collection_id=collection.pk, rows=rows, on_conflict=OnConflict.UPSERT)


def _rows(collection: Collection, numbers: Sequence[int], turn: int) -> list[DocumentRow]:
    return [
        DocumentRow(
            id=document_id(collection_id=collection.pk, external_id=str(number)),
            external_id=str(number),
            text=_text(number),
            metadata=_metadata(number, turn),
            content_hash=number.to_bytes(32, "big"),
        )
        for number in numbers
    ]


def _text(number: int) -> str:
    return " ".join(f"word{number * WORDS + place}" for place in range(WORDS))


def _metadata(number: int, turn: int) -> dict[str, Any]:
    return {"number": number, "kind": f"k{number % 10}", "turn": turn}
