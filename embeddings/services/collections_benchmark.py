"""What a thousand collections cost a search in one of them, and what making and dropping others
does to it.
"""

import statistics
import threading
import time
import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from accounts.principal import Principal
from embeddings.models import Collection
from embeddings.services.add import add_documents
from embeddings.services.collection import create_collection, delete_collection
from embeddings.services.quality import Step
from embeddings.services.search import search_visible
from embeddings.store.partitions import drop_orphaned_partitions
from embeddings.types.document import DocumentInput
from embeddings.types.search import SearchParams

WARM_UP = 50
PREFIX = "benchmark-"


def measure_collections(
    *,
    principal: Principal,
    model: str,
    collections: int,
    documents: int,
    queries: int,
    seconds: float,
    step: Step,
) -> dict[str, Any]:
    """Milliseconds of a search with a given vector in a collection of so many documents: alone,
    among others of one document each, and alone again; and for so many seconds while others are
    made and dropped without a pause, once and one search at least, with the searches that failed.
    All are passing ones.
    """
    made: list[Collection] = []
    try:
        made.append(_make(principal, model, documents))
        name, vectors = made[0].name, _vectors(queries, made[0].generation.dimensions)
        alone = _search(principal, name, vectors)
        creations = []
        for _ in range(collections - 1):
            started = time.perf_counter()
            made.append(_make(principal, model, 1))
            creations.append((time.perf_counter() - started) * 1000)
            step("collection", 1)
        many = _search(principal, name, vectors)
        under_load = _search_under_load(principal, name, vectors, model, seconds)
        drops = _drop(made[1:], step)
        del made[1:]
        alone += _search(principal, name, vectors)  # as noise comes and goes too
    finally:
        _drop(made, step)
        drop_orphaned_partitions()
    return {
        "collections": collections,
        "documents": documents,
        "alone_ms": _spread(alone),
        "among_many_ms": _spread(many),
        "ratio": round(statistics.median(many) / statistics.median(alone), 3),
        # What a busy machine adds is in the slower half.
        "p10_ratio": round(float(np.percentile(many, 10) / np.percentile(alone, 10)), 3),
        "create_ms": _spread(creations),
        "drop_ms": _spread(drops),
        "while_others_come_and_go": under_load,
    }


def _make(principal: Principal, model: str, documents: int) -> Collection:
    name = f"{PREFIX}{uuid.uuid4().hex[:12]}"
    collection = create_collection(principal=principal, name=name, model=model)
    points = _vectors(documents, collection.generation.dimensions)
    inputs = [DocumentInput(str(i), f"text {i}", {}, point) for i, point in enumerate(points)]
    add_documents(collection=collection, documents=inputs)
    return collection


def _drop(collections: Sequence[Collection], step: Step) -> list[float]:
    took = []
    for collection in collections:
        started = time.perf_counter()
        delete_collection(collection=collection)
        took.append((time.perf_counter() - started) * 1000)
        step("drop", 1)
    return took


def _vectors(count: int, dimensions: int) -> NDArray[np.float32]:
    return np.random.default_rng(count).normal(size=(count, dimensions)).astype(np.float32)


def _search(principal: Principal, name: str, vectors: NDArray[np.float32]) -> list[float]:
    took = []
    for vector in (*vectors[:WARM_UP], *vectors):
        started = time.perf_counter()
        search_visible(
            principal=principal, name=name, params=SearchParams(vector=vector), fresh=True
        )
        took.append((time.perf_counter() - started) * 1000)
    return took[len(vectors[:WARM_UP]) :]


def _search_under_load(
    principal: Principal, name: str, vectors: NDArray[np.float32], model: str, seconds: float
) -> dict[str, Any]:
    took: list[float] = []
    failed: list[str] = []
    stopped = threading.Event()

    def search() -> None:
        try:
            while not (stopped.is_set() and (took or failed)):
                try:
                    took.extend(_search(principal, name, vectors[:1]))
                except Exception as error:  # noqa: BLE001 - counted
                    failed.append(type(error).__name__)
        finally:
            connection.close()

    thread = threading.Thread(target=search)
    thread.start()
    deadline, rounds = time.monotonic() + seconds, 0
    try:
        while time.monotonic() < deadline or not rounds:
            delete_collection(collection=_make(principal, model, 1))
            rounds += 1
    finally:
        stopped.set()
        thread.join()
    return {
        "made_and_dropped": rounds,
        "searches": len(took),
        "failed": len(failed),
        "failures": sorted(set(failed)),
        "ms": _spread(took),
    }


def _spread(values: list[float]) -> dict[str, float] | None:
    if not values:
        return None
    return {
        "p10": round(float(np.percentile(values, 10)), 3),
        "p50": round(statistics.median(values), 3),
        "p95": round(float(np.percentile(values, 95)), 3),
        "max": round(max(values), 3),
    }
