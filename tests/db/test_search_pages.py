"""Pages, groups and counts below HTTP, against plain Python; documents have several chunks."""

import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from embeddings.constants import IndexState, SearchMode, SearchPath
from embeddings.models import Collection
from embeddings.models.document import document_id
from embeddings.services import search_candidates
from embeddings.services.add import add_documents
from embeddings.services.search import search_collection
from embeddings.services.search_groups import field_values
from embeddings.services.search_path import find_semantic
from embeddings.store.chunks import ChunkRow, replace_chunks
from embeddings.store.facets import facet_counts
from embeddings.store.search_pages import nearest_after
from embeddings.store.search_sql import Target
from embeddings.types.document import DocumentInput
from embeddings.types.filter import parse_filter
from embeddings.types.search import Facet, FieldGroups, Found, Hit, SearchParams
from tests.factories import make_collection

pytestmark = pytest.mark.django_db

DOCUMENTS, CHUNKS = 45, 3
random = np.random.default_rng(5)
QUERY = random.normal(size=384).astype(np.float32)
POINTS = random.normal(size=(DOCUMENTS, CHUNKS, 384)).astype(np.float32)
POINTS[10:20] = POINTS[10]  # as far as each other, chunk by chunk
VALUES: tuple[Any, ...] = ("en", "de", None, ["en", "fr", "en"], 7, 7.0, True, {"a": 1}, [], [[1]])
LANG = FieldGroups(path=("by", "lang"), size=3)


@dataclass(frozen=True)
class Place:
    """A chunk, by hand."""

    distance: float
    pk: uuid.UUID
    ordinal: int
    number: int


@pytest.fixture
def collection() -> Collection:
    """The value of `by.lang` is another one in each of ten documents; some have no `by`."""
    made = make_collection()
    documents = []
    for at in range(DOCUMENTS):
        by = {"by": {"lang": VALUES[at % len(VALUES)]}} if at < 40 else {}
        documents.append(DocumentInput(f"d{at}", "chunks", {"n": at} | by, POINTS[at, 0]))
    add_documents(collection=made, documents=documents)
    rows = [
        ChunkRow(key(made, at), ordinal, ordinal, ordinal + 1, POINTS[at, ordinal])
        for at in range(DOCUMENTS)
        for ordinal in range(CHUNKS)
    ]
    replace_chunks(generation_id=made.generation.pk, rows=rows)
    made.refresh_from_db()
    return made


def key(collection: Collection, at: int) -> uuid.UUID:
    return document_id(collection_id=collection.pk, external_id=f"d{at}")


def distance(point: NDArray[np.float32]) -> float:
    a, b = point.astype(np.float64), QUERY.astype(np.float64)
    return round(float(1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b)), 9)


def in_order(collection: Collection, *, by_chunk: bool, even: bool = False) -> list[Place]:
    """All places, best first; of documents that of the best chunk."""
    places = sorted(
        (
            Place(distance(POINTS[at, ordinal]), key(collection, at), ordinal, at)
            for at in range(0, DOCUMENTS, 2 if even else 1)
            for ordinal in range(CHUNKS)
        ),
        key=lambda place: (place.distance, place.pk, place.ordinal),
    )
    if by_chunk:
        return places
    best: dict[uuid.UUID, Place] = {}
    for place in places:
        best.setdefault(place.pk, place)
    return list(best.values())


@pytest.mark.parametrize("by_chunk", [False, True])
@pytest.mark.parametrize("even", [False, True])
def test_it_works(collection: Collection, by_chunk: bool, even: bool) -> None:
    numbers = {"$in": list(range(0, DOCUMENTS, 2))}
    expected = in_order(collection, by_chunk=by_chunk, even=even)
    found: list[Hit] = []
    after = None
    for _ in range(0, len(expected), 7):
        found += nearest_after(
            target=Target.of(collection.generation),
            vector=QUERY,
            after=after,
            limit=7,
            metadata_filter=parse_filter({"n": numbers}) if even else None,
            by_chunk=by_chunk,
            include=frozenset({"vector", "text"}),
        )
        after = (found[-1].distance or 0.0, found[-1].document_id, found[-1].ordinal)
    assert [(hit.document_id, hit.ordinal) for hit in found] == [
        (place.pk, place.ordinal) for place in expected
    ]
    for hit, place in zip(found, expected, strict=True):
        assert hit.distance == pytest.approx(place.distance, abs=1e-6)
        assert (hit.start, hit.end, hit.text) == (place.ordinal, place.ordinal + 1, "chunks")
        assert hit.vector is not None
        assert np.array_equal(hit.vector, POINTS[place.number, place.ordinal])


@pytest.mark.parametrize("group_by", ["document", "chunk"])
def test_a_search_goes_on_as_it_began(collection: Collection, group_by: Any) -> None:
    def pages() -> Iterator[tuple[uuid.UUID, int]]:
        params = SearchParams(vector=QUERY, top_k=4, group_by=group_by)
        for _ in range(DOCUMENTS):
            result = search_collection(collection=collection, params=params)
            yield from ((hit.document_id, hit.ordinal) for hit in result.hits)
            if result.next_cursor is None:
                return
            params = SearchParams(
                vector=QUERY, top_k=4, group_by=group_by, cursor=result.next_cursor
            )

    expected = in_order(collection, by_chunk=group_by == "chunk")
    assert list(pages()) == [(place.pk, place.ordinal) for place in expected]


# Groups -------------------------------------------------------------------------------------------


def lang_of(at: int) -> Any:
    return VALUES[at % len(VALUES)] if at < 40 else None


def by_hand(collection: Collection, *, top_k: int, size: int) -> list[tuple[Any, list[str]]]:
    groups: dict[Any, list[str]] = {}
    for place in in_order(collection, by_chunk=False):
        for value in field_values({"lang": lang_of(place.number)}, ("lang",)):
            groups.setdefault((type(value) is bool, value), []).append(f"d{place.number}")
    return [(value, names[:size]) for (_, value), names in list(groups.items())[:top_k]]


def shown(collection: Collection, **values: Any) -> list[tuple[Any, list[str]]]:
    params = SearchParams(vector=QUERY, group_by=LANG, **values)
    groups = search_collection(collection=collection, params=params).groups or []
    return [(group.value, [hit.external_id for hit in group.hits]) for group in groups]


@pytest.mark.parametrize("top_k", [1, 2, 4, 10])
def test_groups(collection: Collection, top_k: int) -> None:
    expected = by_hand(collection, top_k=top_k, size=3)
    assert len(expected) == min(top_k, 5)
    assert shown(collection, top_k=top_k) == expected


@pytest.mark.parametrize("top_k", [1, 2, 4, 10])
def test_groups_behind_an_index(
    collection: Collection, top_k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nearest documents make up too few groups, or leave some not full: then all are read."""
    depths = []

    def shallow(*, depth: int, **asked: Any) -> Found:
        depths.append(depth)
        return find_semantic(depth=depth, **asked)

    monkeypatch.setattr(search_candidates, "find", shallow)
    monkeypatch.setattr("embeddings.services.search_groups.FIRST_DEPTH", 4)
    collection.generation.index_state = IndexState.READY.value
    assert shown(collection, top_k=top_k) == by_hand(collection, top_k=top_k, size=3)
    assert depths == [12 * top_k]


def test_a_ranking_is_looked_into_until_all_matches_are_seen(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embeddings.services.search_groups.FIRST_DEPTH", 4)
    params = SearchParams(query="chunks", mode=SearchMode.KEYWORD, group_by=LANG, top_k=9)
    result = search_collection(collection=collection, params=params)
    sizes = {group.value: len(group.hits) for group in result.groups or []}
    assert sizes == {"en": 3, "de": 3, "fr": 3, 7: 3, True: 3}
    assert result.plan.path == SearchPath.KEYWORD
    assert result.plan.considered == DOCUMENTS


# Counts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_counts(collection: Collection, limit: int) -> None:
    facet = Facet(path=LANG.path, limit=limit, name="by.lang")
    counts = facet_counts(views={collection.pk: None}, facets=[facet])
    expected = Counter(
        (type(value) is bool, value)
        for at in range(40)
        for value in field_values({"lang": lang_of(at)}, ("lang",))
    )
    found = counts["by.lang"]
    assert [count for _, count in found.values] == sorted(expected.values(), reverse=True)[:limit]
    for value, count in found.values:
        assert expected[type(value) is bool, value] == count
    assert (found.null, found.absent) == (4, 5)
    assert found.more == (limit < len(expected))


def test_all_counts_in_one_statement(collection: Collection) -> None:
    facets = [Facet(("n",), 2, "n"), Facet(("by", "lang"), 2, "by.lang"), Facet(("x",), 2, "x")]
    few = parse_filter({"n": {"$lt": 3}})
    counts = facet_counts(views={collection.pk: few}, facets=facets)
    assert list(counts) == ["n", "by.lang", "x"]
    assert (counts["n"].values, counts["n"].more) == ([(0, 1), (1, 1)], True)
    assert counts["by.lang"].null == 1
    assert counts["x"].absent == 3
