"""What the parts of a search cost on this machine, from where search_costs has its constants."""

import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from embeddings.models import Collection
from embeddings.services.search_benchmark_data import range_filter, share_filter
from embeddings.store.bare_search import bare_search
from embeddings.store.documents import count_documents
from embeddings.store.search import Scan, Target
from embeddings.types.filter import MetadataFilter

ROUNDS = 5
FEW, MANY = 1.0, 10.0
"""Per cent that filters let through."""
SHALLOW, DEEP = 200, 1_000
"""Of `ef_search`."""

Vectors = Sequence[NDArray[np.float32]]


def calibrate(*, collection: Collection, vectors: Vectors) -> dict[str, float]:
    """Milliseconds by the names in search_costs, of a prepared collection with an index; medians.

    What a match costs is the difference between two filters, and what a visit costs that between
    two searches, so that nothing which each search has only once is counted.
    """
    documents = collection.document_count
    few, many = share_filter(FEW), share_filter(MANY)
    matches = (MANY - FEW) / 100 * documents
    found = (_count_ms(collection, many) - _count_ms(collection, few)) / matches
    looked_up = (
        _exact_ms(collection, many, vectors) - _exact_ms(collection, few, vectors)
    ) / matches
    visits = _hnsw_ms(collection, DEEP, vectors) - _hnsw_ms(collection, SHALLOW, vectors)
    return {
        "FIND_MS": found,
        "CHECK_MS": _count_ms(collection, range_filter(FEW)) / documents,
        "LOOK_UP_MS": looked_up - found,
        "READ_MS": _exact_ms(collection, None, vectors) / documents,
        "VISIT_MS": visits / (DEEP - SHALLOW),
    }


def _count_ms(collection: Collection, metadata_filter: MetadataFilter) -> float:
    def count(_: NDArray[np.float32]) -> int:
        return count_documents(collection_id=collection.pk, metadata_filter=metadata_filter)

    return _median_ms(count, [np.zeros(1, np.float32)] * ROUNDS)


def _exact_ms(
    collection: Collection, metadata_filter: MetadataFilter | None, vectors: Vectors
) -> float:
    with bare_search(
        target=Target.of(collection.generation),
        metadata_filter=metadata_filter,
        depth=10,
        scan=None,
        read_all=False,
    ) as run:
        return _median_ms(run, vectors[:ROUNDS])


def _hnsw_ms(collection: Collection, ef_search: int, vectors: Vectors) -> float:
    with bare_search(
        target=Target.of(collection.generation),
        metadata_filter=None,
        depth=10,
        scan=Scan(ef_search=ef_search, entries=10),
        read_all=False,
    ) as run:
        return _median_ms(run, vectors)


def _median_ms(run: Callable[[NDArray[np.float32]], object], vectors: Vectors) -> float:
    run(vectors[0])
    took = []
    for vector in vectors:
        started = time.perf_counter()
        run(vector)
        took.append((time.perf_counter() - started) * 1000)
    return statistics.median(took)
