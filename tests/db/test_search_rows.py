"""As many hits as there are matches, and the right ones, where an index alone loses some."""

import threading

import numpy as np
import pytest
from django.db import connection
from numpy.typing import NDArray

from embeddings.constants import IndexState, SearchPath
from embeddings.models import Collection
from embeddings.services import search_selectivity
from embeddings.services.add import add_documents
from embeddings.services.documents import delete_documents
from embeddings.services.search import search_collection
from embeddings.store.index import build_index
from embeddings.store.search import Target, nothing
from embeddings.types.document import DocumentInput
from embeddings.types.filter import parse_filter
from embeddings.types.search import SearchParams
from tests.factories import make_collection

pytestmark = pytest.mark.django_db(transaction=True)

COUNT = 1_000

Points = NDArray[np.float32]


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    search_selectivity._shares.clear()


@pytest.fixture
def points() -> Points:
    """Two clusters, far apart."""
    random = np.random.default_rng(11)
    centres = np.repeat(random.normal(size=(2, 384)), COUNT // 2, axis=0)
    return (centres + 0.3 * random.normal(size=(COUNT, 384))).astype(np.float32)


@pytest.fixture
def clusters(points: Points) -> Collection:
    return indexed(points)


def indexed(points: Points) -> Collection:
    collection = make_collection()
    documents = [
        DocumentInput(f"d{i}", "text", {"n": i, "half": i * 2 // COUNT}, point)
        for i, point in enumerate(points)
    ]
    add_documents(collection=collection, documents=documents)
    build_index(generation=collection.generation)
    collection.generation.index_state = IndexState.READY.value
    collection.generation.save(update_fields=["index_state"])
    collection.refresh_from_db()
    return collection


def nearest(points: Points, query: Points, allowed: list[int]) -> list[str]:
    p, q = points[allowed].astype(np.float64), query.astype(np.float64)
    order = np.argsort(1 - p @ q / np.linalg.norm(p, axis=1) / np.linalg.norm(q))
    return [f"d{allowed[i]}" for i in order]


def test_matches_far_from_the_query(clusters: Collection, points: Points) -> None:
    """All that the filter lets through is in the other cluster."""
    params = SearchParams(
        vector=points[0], metadata_filter=parse_filter({"half": 1}), ef_search=10, top_k=20
    )
    result = search_collection(collection=clusters, params=params)
    expected = nearest(points, points[0], list(range(COUNT // 2, COUNT)))[:20]
    assert [hit.external_id for hit in result.hits] == expected
    assert (result.plan.path, result.plan.matches) == (SearchPath.EXACT, COUNT // 2)


def test_the_nearest_are_deleted(clusters: Collection, points: Points) -> None:
    """Their entries stay in the index until it is vacuumed."""
    delete_documents(collection=clusters, metadata_filter=parse_filter({"n": {"$lt": 400}}))
    clusters.refresh_from_db()
    for top_k in (50, 100, 700):
        params = SearchParams(vector=points[0], top_k=top_k, ef_search=10)
        hits = search_collection(collection=clusters, params=params).hits
        assert len(hits) == min(top_k, 600)
        assert all(int(hit.external_id[1:]) >= 400 for hit in hits)


@pytest.mark.parametrize("top_k", [10, 100, 1_000])
def test_equal_distances(points: Points, top_k: int) -> None:
    points[: COUNT // 2] = points[0]
    collection = indexed(points)
    for condition in (None, {"half": 0}):
        for options in ({}, {"ef_search": 10}, {"exact": True}):
            params = SearchParams(
                vector=points[0],
                top_k=top_k,
                metadata_filter=parse_filter(condition) if condition else None,
                **options,
            )
            hits = search_collection(collection=collection, params=params).hits
            assert len(hits) == min(top_k, COUNT // 2 if condition else COUNT)
            assert len({hit.external_id for hit in hits}) == len(hits)
            keys = [(hit.distance or 0.0, hit.document_id) for hit in hits]
            assert keys == sorted(keys)


@pytest.mark.parametrize("matches", [0, 1, 6, 700])
def test_fewer_matches_than_hits_wanted(clusters: Collection, points: Points, matches: int) -> None:
    params = SearchParams(
        vector=points[0], top_k=1_000, metadata_filter=parse_filter({"n": {"$lt": matches}})
    )
    result = search_collection(collection=clusters, params=params)
    assert (len(result.hits), result.plan.matches) == (matches, matches)


def test_documents_come_and_go_meanwhile(clusters: Collection, points: Points) -> None:
    stop = threading.Event()
    failures: list[BaseException] = []
    few = parse_filter({"n": {"$lt": 200}})

    def write() -> None:
        try:
            while not stop.is_set():
                spare = [DocumentInput(f"d{i}", "text", {"n": i}, points[i]) for i in range(200)]
                delete_documents(collection=clusters, metadata_filter=few)
                add_documents(collection=clusters, documents=spare)
        except BaseException as error:  # noqa: BLE001 - for the assertion
            failures.append(error)
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for turn in range(40):
            params = SearchParams(vector=points[turn], top_k=50, ef_search=None if turn % 2 else 20)
            assert len(search_collection(collection=clusters, params=params).hits) == 50
    finally:
        stop.set()
        writer.join()
    assert not failures


def test_a_few_matches_of_a_sample_are_counted_in_a_greater_one(
    clusters: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_selectivity, "SAMPLED", 50)
    monkeypatch.setattr(search_selectivity, "SAMPLED_AGAIN", COUNT)

    def share(condition: dict[str, object]) -> float:
        return search_selectivity.share_of(
            target=Target.of(clusters.generation),
            metadata_filter=parse_filter(condition),
            alongside=nothing,
        )

    first = clusters.documents.order_by("pk").values_list("metadata__n", flat=True)[:50]
    assert share({"n": {"$in": [*first[:5]]}}) == pytest.approx(5.5 / (COUNT + 1))
    assert share({"n": {"$in": [*first[:20]]}}) == pytest.approx(20.5 / 51)
    assert share({"n": -1}) == pytest.approx(0.5 / 51)
