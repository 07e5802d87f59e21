"""Several chunks of one document: one hit with the best of them, or each a hit when asked."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from embeddings.constants import IndexState, SearchPath
from embeddings.models import Collection
from embeddings.models.document import document_id
from embeddings.services import search_path
from embeddings.services.add import add_documents
from embeddings.services.search import search_collection
from embeddings.store.chunks import ChunkRow, replace_chunks
from embeddings.store.index import build_index
from embeddings.store.search import Rows
from embeddings.types.document import DocumentInput
from embeddings.types.filter import parse_filter
from embeddings.types.search import SearchParams
from tests.factories import make_collection

pytestmark = pytest.mark.django_db(transaction=True)

DOCUMENTS, CHUNKS = 60, 12

Points = NDArray[np.float32]


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    search_path._crowding.clear()


@pytest.fixture(params=["exact", "hnsw"])
def chunked(request: Any) -> tuple[Collection, Points]:
    """Documents of twelve chunks each, which lie close together."""
    random = np.random.default_rng(3)
    centres = random.normal(size=(DOCUMENTS, 1, 384))
    points = (centres + 0.1 * random.normal(size=(DOCUMENTS, CHUNKS, 384))).astype(np.float32)
    collection = make_collection()
    documents = [
        DocumentInput(f"d{i}", "twelve chunks", {"n": i}, points[i, 0]) for i in range(DOCUMENTS)
    ]
    add_documents(collection=collection, documents=documents)
    rows = [
        ChunkRow(document_id(collection_id=collection.pk, external_id=f"d{i}"), k, k, k + 1, point)
        for i in range(DOCUMENTS)
        for k, point in enumerate(points[i])
    ]
    replace_chunks(generation_id=collection.generation.pk, rows=rows)
    if request.param == "hnsw":
        build_index(generation=collection.generation)
        collection.generation.index_state = IndexState.READY.value
        collection.generation.save(update_fields=["index_state"])
    collection.refresh_from_db()
    return collection, points


def distances(points: Points, query: Points) -> Points:
    """`(documents, chunks)`."""
    p, q = points.astype(np.float64), query.astype(np.float64)
    return np.asarray(1 - p @ q / np.linalg.norm(p, axis=-1) / np.linalg.norm(q))


@pytest.mark.parametrize("condition", [None, {"n": {"$gte": 30}}])
def test_a_document_is_one_hit_with_its_best_chunk(
    chunked: tuple[Collection, Points], condition: dict[str, Any] | None
) -> None:
    collection, points = chunked
    query = points[40, 3] + points[50, 5]
    allowed = distances(points, query)
    if condition:
        allowed[:30] = np.inf
    best = np.argsort(allowed.min(axis=1))[:20]
    for _ in range(2):  # what was learned by the first search must not change the second
        result = search_collection(
            collection=collection,
            params=SearchParams(
                vector=query,
                top_k=20,
                metadata_filter=parse_filter(condition) if condition else None,
                ef_search=1_000,
            ),
        )
        assert [hit.external_id for hit in result.hits] == [f"d{i}" for i in best]
        assert [hit.ordinal for hit in result.hits] == list(allowed[best].argmin(axis=1))
        assert all((hit.start, hit.end) == (hit.ordinal, hit.ordinal + 1) for hit in result.hits)
    indexed = collection.generation.index_state == IndexState.READY
    assert result.plan.path == (SearchPath.HNSW if indexed else SearchPath.EXACT)


def test_all_documents_however_many_chunks_they_have(chunked: tuple[Collection, Points]) -> None:
    collection, points = chunked
    result = search_collection(
        collection=collection, params=SearchParams(vector=points[0, 0], top_k=100)
    )
    assert len({hit.external_id for hit in result.hits}) == len(result.hits) == DOCUMENTS


def test_each_chunk_is_a_hit_when_asked(chunked: tuple[Collection, Points]) -> None:
    collection, points = chunked
    query = points[7, 7]
    params = SearchParams(vector=query, top_k=30, group_by="chunk", ef_search=1_000)
    hits = search_collection(collection=collection, params=params).hits
    order = np.argsort(distances(points, query), axis=None)[:30]
    expected = [(f"d{i // CHUNKS}", i % CHUNKS) for i in order]
    assert [(hit.external_id, hit.ordinal) for hit in hits] == expected
    assert [hit.external_id for hit in hits[:12]] == ["d7"] * 12


def counted(search: Callable[..., Rows], calls: list[str]) -> Callable[..., Rows]:
    def run(**given: Any) -> Rows:
        calls.append(search.__name__)
        return search(**given)

    return run


def test_what_was_learned_saves_the_second_search(
    chunked: tuple[Collection, Points], monkeypatch: pytest.MonkeyPatch
) -> None:
    collection, points = chunked
    calls: list[str] = []
    for name in ("nearest_exact", "nearest_hnsw"):
        monkeypatch.setattr(search_path, name, counted(getattr(search_path, name), calls))
    params = SearchParams(vector=points[9, 0], top_k=10)
    search_collection(collection=collection, params=params)
    first = len(calls)
    for _ in range(3):
        search_collection(collection=collection, params=params)
    assert first > 1
    assert search_path._crowding[collection.generation.pk] >= 4
    calls.clear()
    search_collection(collection=collection, params=params)
    assert len(calls) == 1
