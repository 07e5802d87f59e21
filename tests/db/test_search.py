"""Searching, below HTTP: every path gives the exact answer's documents in its order."""

from typing import Any

import numpy as np
import pytest
from django.db import connection
from numpy.typing import NDArray

from embeddings.constants import IndexState, Metric, SearchPath
from embeddings.exceptions import DimensionsMismatch, InvalidVector, NotFound
from embeddings.models import Collection
from embeddings.services import search_path as service
from embeddings.services.add import add_documents
from embeddings.services.search import search_collection
from embeddings.store import search as store
from embeddings.store.cursors import binary_cursor
from embeddings.store.index import build_index
from embeddings.store.search_sql import SETTINGS
from embeddings.types.document import DocumentInput
from embeddings.types.filter import parse_filter
from embeddings.types.search import SearchParams
from tests.factories import make_collection, make_document

pytestmark = pytest.mark.django_db

random = np.random.default_rng(7)


def vectors(count: int) -> NDArray[np.float32]:
    return random.normal(size=(count, 384)).astype(np.float32)


def fill(collection: Collection, points: NDArray[np.float32]) -> None:
    add_documents(
        collection=collection,
        documents=[
            DocumentInput(f"d{i}", f"text {i}", {"n": i, "even": i % 2 == 0}, point)
            for i, point in enumerate(points)
        ],
    )
    collection.refresh_from_db()


def distances(metric: Metric, points: NDArray[np.float32], query: NDArray[np.float32]) -> Any:
    p, q = points.astype(np.float64), query.astype(np.float64)
    match metric:
        case Metric.COSINE:
            return 1 - p @ q / np.linalg.norm(p, axis=1) / np.linalg.norm(q)
        case Metric.L2:
            return np.linalg.norm(p - q, axis=1)
        case Metric.IP:
            return -(p @ q)
        case Metric.L1:
            return np.abs(p - q).sum(axis=1)


SCORES = {
    Metric.COSINE: lambda d: 1 - d,
    Metric.L2: lambda d: 1 / (1 + d),
    Metric.IP: lambda d: -d,
    Metric.L1: lambda d: 1 / (1 + d),
}


def test_it_works() -> None:
    collection = make_collection()
    make_document(collection, "The cat sleeps on the sofa.", external_id="cat", lang="en")
    make_document(collection, "Interest rates rose again.", external_id="bank", lang="en")
    result = search_collection(
        collection=collection, params=SearchParams(query="Where does the cat sleep?")
    )
    assert [hit.external_id for hit in result.hits] == ["cat", "bank"]
    assert result.hits[0].text == "The cat sleeps on the sofa."
    assert result.hits[0].metadata == {"lang": "en"}
    assert result.tokens > 0


@pytest.mark.parametrize("metric", Metric)
def test_distances_and_scores_of_every_metric(metric: Metric) -> None:
    collection, points, query = make_collection(metric=metric), vectors(50), vectors(1)[0]
    fill(collection, points)
    hits = search_collection(collection=collection, params=SearchParams(vector=query)).hits
    expected = distances(metric, points, query)
    order = np.argsort(expected)[:10]
    assert [hit.external_id for hit in hits] == [f"d{i}" for i in order]
    assert np.allclose([hit.distance or 0.0 for hit in hits], expected[order], rtol=1e-5, atol=1e-5)
    scores = [SCORES[metric](d) for d in expected[order]]
    assert np.allclose([hit.score for hit in hits], scores, rtol=1e-5, atol=1e-5)


@pytest.fixture
def indexed(transactional_db: None) -> tuple[Collection, NDArray[np.float32]]:
    collection, points = make_collection(), vectors(2_000)
    fill(collection, points)
    build_index(generation=collection.generation)
    collection.generation.index_state = IndexState.READY.value
    collection.generation.save(update_fields=["index_state"])
    return collection, points


def exact_ids(points: NDArray[np.float32], query: NDArray[np.float32], top_k: int) -> list[str]:
    return [f"d{i}" for i in np.argsort(distances(Metric.COSINE, points, query))[:top_k]]


def test_the_index_serves_what_it_should(
    indexed: tuple[Collection, NDArray[np.float32]],
) -> None:
    collection, points = indexed
    found = 0
    for query in vectors(20):
        result = search_collection(collection=collection, params=SearchParams(vector=query))
        assert result.plan.path == SearchPath.HNSW
        assert (result.plan.ef_search, result.plan.candidates) == (180, 16)
        found_at = [hit.distance or 0.0 for hit in result.hits]
        assert found_at == sorted(found_at)
        found += len({h.external_id for h in result.hits} & set(exact_ids(points, query, 10)))
    assert found / 200 > 0.6  # random vectors are the hardest case there is


def test_the_settings_end_with_the_search(
    indexed: tuple[Collection, NDArray[np.float32]],
) -> None:
    collection, points = indexed
    with connection.cursor() as cursor:
        cursor.execute("SHOW hnsw.ef_search")
        before = cursor.fetchone()
        search_collection(collection=collection, params=SearchParams(vector=points[0]))
        cursor.execute("SHOW hnsw.ef_search")
        assert cursor.fetchone() == before
        cursor.execute("SHOW enable_seqscan")
        assert cursor.fetchone() == ("on",)


def test_exact_on_request(indexed: tuple[Collection, NDArray[np.float32]]) -> None:
    collection, points = indexed
    query = vectors(1)[0]
    params = SearchParams(vector=query, exact=True, top_k=50)
    result = search_collection(collection=collection, params=params)
    assert result.plan.path == SearchPath.EXACT
    assert [hit.external_id for hit in result.hits] == exact_ids(points, query, 50)


def test_a_selective_filter_is_answered_exactly(
    indexed: tuple[Collection, NDArray[np.float32]],
) -> None:
    collection, points = indexed
    query = vectors(1)[0]
    params = SearchParams(vector=query, metadata_filter=parse_filter({"n": {"$lt": 5}}))
    result = search_collection(collection=collection, params=params)
    assert (result.plan.path, result.plan.matches) == (SearchPath.EXACT, 5)
    assert [hit.external_id for hit in result.hits] == exact_ids(points[:5], query, 5)


def test_a_broad_filter_goes_through_the_index(
    indexed: tuple[Collection, NDArray[np.float32]],
) -> None:
    collection, _ = indexed
    even = parse_filter({"even": True})
    params = SearchParams(vector=vectors(1)[0], metadata_filter=even, ef_search=200)
    result = search_collection(collection=collection, params=params)
    assert (result.plan.path, result.plan.ef_search) == (SearchPath.HNSW, 200)
    assert result.plan.matches_at_least
    assert 10 < (result.plan.matches or 0) < 230  # of the 193 or so
    assert len(result.hits) == 10
    assert all(hit.metadata and hit.metadata["even"] for hit in result.hits)


def test_too_few_rows_from_the_index_are_never_the_answer(
    indexed: tuple[Collection, NDArray[np.float32]], monkeypatch: pytest.MonkeyPatch
) -> None:
    collection, points = indexed
    monkeypatch.setattr(service, "nearest_hnsw", lambda **_: store.Rows(hits=[], candidates=0))
    query = vectors(1)[0]
    result = search_collection(collection=collection, params=SearchParams(vector=query))
    assert (result.plan.path, result.plan.exact) == (SearchPath.EXACT, True)
    assert [hit.external_id for hit in result.hits] == exact_ids(points, query, 10)


def wanted_of(
    collection: Collection,
    vector: NDArray[np.float32],
    condition: dict[str, Any] | None,
    *include: str,
) -> store.Wanted:
    return store.Wanted(
        target=store.Target.of(collection.generation),
        vector=vector,
        depth=10,
        metadata_filter=parse_filter(condition) if condition else None,
        shape=store.Shape(include=frozenset(include)),
    )


@pytest.mark.parametrize("condition", [None, {"even": True}])
def test_the_planner_uses_the_index(
    indexed: tuple[Collection, NDArray[np.float32]], condition: dict[str, Any] | None
) -> None:
    collection, points = indexed
    wanted = wanted_of(collection, points[0], condition, "text")
    scan = store.Scan(ef_search=100, entries=20)
    query = store.hnsw_query(wanted=wanted, scan=scan)
    with binary_cursor() as cursor, cursor.connection.transaction():
        cursor.execute(SETTINGS, scan.settings)
        plan = cursor.execute(b"EXPLAIN " + query.statement, query.values).fetchall()
    text = "\n".join(line for (line,) in plan)
    assert f"_hnsw on chunks_{wanted.target.generation_id}" in text, text


def test_a_filtered_scan_stops_with_enough_candidates(
    indexed: tuple[Collection, NDArray[np.float32]],
) -> None:
    collection, points = indexed
    wanted = wanted_of(collection, points[0], {"even": True})
    for enough, candidates in ((16, 16), (None, 60)):
        scan = store.Scan(ef_search=200, entries=120, enough=enough)
        rows = store.nearest_hnsw(wanted=wanted, scan=scan, alongside=store.nothing)
        assert rows.candidates == pytest.approx(candidates, abs=0 if enough else 20)
        assert [int(hit.external_id[1:]) % 2 for hit in rows.hits] == [0] * 10


def test_include_chooses_what_comes_back() -> None:
    collection, points = make_collection(), vectors(1)
    fill(collection, points)
    params = SearchParams(vector=points[0], include=frozenset({"vector"}))
    hit = search_collection(collection=collection, params=params).hits[0]
    assert (hit.text, hit.metadata) == (None, None)
    assert hit.vector is not None
    assert np.array_equal(hit.vector, points[0])


def test_min_score_cuts_the_tail() -> None:
    collection, points = make_collection(), vectors(20)
    fill(collection, points)
    params = SearchParams(vector=points[3], min_score=0.99)
    result = search_collection(collection=collection, params=params)
    assert [hit.external_id for hit in result.hits] == ["d3"]


def test_by_the_vector_of_a_stored_document() -> None:
    collection, points = make_collection(), vectors(20)
    fill(collection, points)
    result = search_collection(collection=collection, params=SearchParams(document_id="d7"))
    assert result.hits[0].external_id == "d7"
    with pytest.raises(NotFound):
        search_collection(collection=collection, params=SearchParams(document_id="absent"))


def test_bad_vectors_are_refused() -> None:
    collection = make_collection()
    with pytest.raises(DimensionsMismatch):
        search_collection(collection=collection, params=SearchParams(vector=vectors(1)[0][:5]))
    with pytest.raises(InvalidVector):
        zero = np.zeros(384, dtype=np.float32)
        search_collection(collection=collection, params=SearchParams(vector=zero))


def test_a_fresh_connection_scans_iteratively() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT '[1]'::vector")
        cursor.execute("SHOW hnsw.iterative_scan")
        assert cursor.fetchone() == ("strict_order",)


FILTERED = [
    ({"s": "a"}, ["1"]),
    ({"n": 1}, ["1", "3"]),
    ({"n": 1.0}, ["1", "3"]),
    ({"n": "1"}, ["2"]),
    ({"n": {"$gt": 0}}, ["1", "3"]),
    ({"n": {"$gte": 1, "$lte": 1}}, ["1", "3"]),
    ({"n": {"$lt": 1}}, []),
    ({"d": {"$gte": "2024-01-01"}}, ["2"]),
    ({"d": {"$lt": "2024-01-01"}}, ["1"]),
    ({"s": {"$in": ["a", "b"]}}, ["1", "2"]),
    ({"n": {"$in": [1, "1"]}}, ["1", "2", "3"]),
    ({"b": True}, ["1"]),
    ({"b": 1}, []),
    ({"z": None}, ["3"]),
    ({"o.name": "Ada"}, ["3"]),
    ({"$or": [{"s": "a"}, {"z": None}]}, ["1", "3"]),
    ({"$and": [{"n": 1}, {"s": "a"}]}, ["1"]),
    ({"n": 1, "s": "a"}, ["1"]),
    ({"absent": "x"}, []),
]


@pytest.mark.parametrize(("condition", "expected"), FILTERED, ids=str)
def test_filters_compare_as_json_does(condition: dict[str, Any], expected: list[str]) -> None:
    collection = make_collection()
    make_document(collection, external_id="1", s="a", n=1, b=True, d="2023-12-31")
    make_document(collection, external_id="2", s="b", n="1", b=False, d="2024-01-01T00:00:00Z")
    make_document(collection, external_id="3", n=1.0, z=None, o={"name": "Ada"})
    params = SearchParams(query="text", metadata_filter=parse_filter(condition))
    hits = search_collection(collection=collection, params=params).hits
    assert sorted(hit.external_id for hit in hits) == expected
