"""The nearest chunks to a vector: exactly, or through the HNSW index."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accounts.store.batch import Batch
from embeddings.store.cursors import binary_batch
from embeddings.store.hits import read_near_hit
from embeddings.store.search_sql import (
    SETTINGS,
    Shape,
    Target,
    exact_statement,
    hnsw_statement,
    sample_statement,
)
from embeddings.types.search import Hit, MetadataFilter

Alongside = Callable[[Batch], None]
"""Queues a query of the caller's own in the search's round trip."""


def nothing(_batch: Batch) -> None:
    """Queued alongside a search that travels alone."""


def send_alone(alongside: Alongside) -> None:
    """In a round trip of its own, where there is no search to travel with."""
    batch = Batch()
    alongside(batch)
    batch.send()


@dataclass(frozen=True, slots=True)
class Wanted:
    """The `depth` nearest hits to the float32 `(dimensions,)` vector, among what the filter lets
    through.
    """

    target: Target
    vector: NDArray[np.float32]
    depth: int
    metadata_filter: MetadataFilter | None
    shape: Shape


DISTANCES_PER_ENTRY = 8
"""So many led to 0.98 to 0.99 of the nearest 100 of 180,000 under filters of 5 to 1 %, 4 to 0.95
of them, and 1 to 0.9 to 0.75.
"""


@dataclass(frozen=True, slots=True)
class Scan:
    """How far to go through the index: in steps of `ef_search` to so many of its `entries`, of
    which the filter then lets some through, or until those are `enough`. One step also leads to
    entries beyond `ef_search`, of which the farther ones are found less reliably.
    """

    ef_search: int
    entries: int
    enough: int | None = None
    in_one_step: bool = True

    @property
    def distances(self) -> int:
        """pgvector takes no further step once it has computed so many."""
        return self.entries if self.in_one_step else DISTANCES_PER_ENTRY * self.entries

    @property
    def settings(self) -> list[str]:
        """What SETTINGS takes. Memory for the scan grows with its length: up to pgvector's default
        of 20,000 the default is enough.
        """
        memory = min(max(self.distances / 20_000, 1), 1_000)
        return [str(self.ef_search), str(self.distances), f"{memory:.1f}"]


@dataclass(frozen=True, slots=True)
class Rows:
    """Hits in order, how many chunks they were chosen from, those that the filter lets through, and
    how many documents it does, None where that was not counted.
    """

    hits: list[Hit]
    candidates: int
    matches: int | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A statement and its values, and whether one plan serves all values."""

    statement: bytes
    values: list[Any]
    prepare: bool = True


def sample_matches(
    *, target: Target, metadata_filter: MetadataFilter, count: int, alongside: Alongside
) -> tuple[int, int]:
    """Of up to `count` documents, how many there were and how many the filter lets through."""
    statement, values = sample_statement(target=target, metadata_filter=metadata_filter)
    with binary_batch() as batch:
        alongside(batch)
        sample = batch.queue(statement, [*values, count])
    [(taken, passed)] = sample.rows()
    return taken, passed


def nearest_exact(
    *,
    wanted: Wanted,
    candidates: int | None,
    read_all: bool,
    max_matches: int | None,
    alongside: Alongside,
) -> Rows:
    """The exact nearest among the `candidates` nearest chunks, None for all; ties in key order.

    Under a filter, the matches are looked up one by one, or all chunks are read. With more than
    `max_matches` there are no hits, and `matches` is one more than that.
    """
    query = exact_query(
        wanted=wanted, candidates=candidates, read_all=read_all, max_matches=max_matches
    )
    with binary_batch() as batch:
        alongside(batch)
        found = batch.queue(query.statement, query.values, prepare=query.prepare)
    return _rows(found.rows(), wanted.target)


def nearest_hnsw(*, wanted: Wanted, scan: Scan, alongside: Alongside) -> Rows:
    """The nearest among the candidates of the index, ordered by full-precision distance.

    The settings and the search travel in one round trip, which is one transaction to the server
    and so ends the settings too; an explicit one would take three.
    """
    query = hnsw_query(wanted=wanted, scan=scan)
    with binary_batch() as batch:
        alongside(batch)
        batch.queue(SETTINGS, scan.settings)
        found = batch.queue(query.statement, query.values, prepare=query.prepare)
    return _rows(found.rows(), wanted.target)


def exact_query(
    *, wanted: Wanted, candidates: int | None, read_all: bool, max_matches: int | None
) -> Query:
    """What nearest_exact runs."""
    statement, values = exact_statement(
        target=wanted.target,
        metadata_filter=wanted.metadata_filter,
        shape=wanted.shape,
        read_all=read_all,
    )
    limits = [candidates, wanted.depth]
    if wanted.metadata_filter is None:
        return Query(statement, [wanted.vector, *limits])
    # A plan that knows the keys can use the indexes of declared fields.
    if read_all:
        return Query(statement, [*values, None, wanted.vector, *limits], prepare=False)
    beyond, most = (None, ANY_NUMBER) if max_matches is None else (max_matches + 1, max_matches)
    return Query(statement, [*values, beyond, wanted.vector, most, *limits], prepare=False)


def hnsw_query(*, wanted: Wanted, scan: Scan) -> Query:
    """What nearest_hnsw runs, under SETTINGS."""
    statement, values = hnsw_statement(
        target=wanted.target, metadata_filter=wanted.metadata_filter, shape=wanted.shape
    )
    vector = wanted.vector
    asked = [vector, vector, scan.entries]
    if wanted.metadata_filter is None:
        return Query(statement, [*asked, wanted.depth])
    return Query(statement, [*asked, *values, scan.enough, wanted.depth])


ANY_NUMBER = 2**62


def _rows(rows: list[tuple[Any, ...]], target: Target) -> Rows:
    candidates, matches = rows[0][:2]
    return Rows(
        hits=[read_near_hit(row[2:], metric=target.metric) for row in rows if row[2] is not None],
        candidates=candidates,
        matches=matches,
    )


__all__ = [
    "Alongside",
    "Query",
    "Rows",
    "Scan",
    "Shape",
    "Target",
    "Wanted",
    "exact_query",
    "hnsw_query",
    "nearest_exact",
    "nearest_hnsw",
    "nothing",
    "sample_matches",
    "send_alone",
]
