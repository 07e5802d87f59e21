"""The nearest chunks to a vector: exactly, or through the HNSW index."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from embeddings.constants import Metric, SearchPath
from embeddings.models import Generation
from embeddings.store.cursors import binary_cursor, read_vector
from embeddings.store.filter import compile_filter
from embeddings.store.partitions import chunks_table, documents_table
from embeddings.types.search import Hit, Include, MetadataFilter

Alongside = Callable[[], None]
"""Sends a query of the caller's own in the search's round trip, without waiting for its answer."""


def nothing() -> None:
    """Sent alongside a search that travels alone."""


OPERATORS = {Metric.COSINE: "<=>", Metric.L2: "<->", Metric.IP: "<#>", Metric.L1: "<+>"}


@dataclass(frozen=True, slots=True)
class Target:
    """Which tables to search, and how they compare: all that the SQL text depends on."""

    collection_id: uuid.UUID
    generation_id: int
    dimensions: int
    metric: Metric

    @classmethod
    def of(cls, generation: Generation) -> "Target":
        """The generation's own tables."""
        return cls(
            collection_id=generation.collection_id,
            generation_id=generation.pk,
            dimensions=generation.dimensions,
            metric=Metric(generation.metric),
        )


def score(*, metric: Metric, distance: float) -> float:
    """Higher is better: cosine 1 - d, ip -d (pgvector's is the negative product), l2 and l1 1/(1 +
    d).
    """
    match metric:
        case Metric.COSINE:
            return 1.0 - distance
        case Metric.IP:
            return -distance
        case Metric.L2 | Metric.L1:
            return 1.0 / (1.0 + distance)


def nearest_exact(
    *,
    target: Target,
    vector: NDArray[np.float32],
    top_k: int,
    metadata_filter: MetadataFilter | None,
    include: Include,
    alongside: Alongside,
) -> list[Hit]:
    """The exact nearest documents among those the filter lets through; ties in key order."""
    statement, values = _statement(_EXACT, target, metadata_filter, include)
    with binary_cursor() as cursor:
        with cursor.connection.pipeline():
            alongside()
            cursor.execute(statement, [vector, *values, top_k])
        rows = cursor.fetchall()
    return [_hit(row, target=target) for row in rows]


def nearest_hnsw(
    *,
    target: Target,
    vector: NDArray[np.float32],
    top_k: int,
    ef_search: int,
    metadata_filter: MetadataFilter | None,
    include: Include,
    alongside: Alongside,
) -> tuple[list[Hit], int]:
    """The nearest documents among `ef_search` candidates of the index, ordered by full-precision
    distance, and how many candidates there were.

    The settings and the search travel in one round trip, which is one transaction to the server
    and so ends the settings too; an explicit one would take three. The planner, which knows
    nothing of iterative scans, is kept to the index.
    """
    statement, values = _statement(_HNSW, target, metadata_filter, include)
    with binary_cursor() as cursor:
        with cursor.connection.pipeline():
            alongside()
            cursor.execute(SETTINGS, [str(ef_search)])
            cursor.execute(statement, [*values, vector, ef_search, vector, top_k])
        rows = cursor.fetchall()
    candidates = rows[0][0] if rows else 0
    return [_hit(row[1:], target=target) for row in rows], candidates


SETTINGS = """
    SELECT set_config('hnsw.ef_search', %s, true), set_config('enable_seqscan', 'off', true),
        set_config('enable_sort', 'off', true), set_config('enable_hashjoin', 'off', true),
        set_config('enable_mergejoin', 'off', true)"""

_EXACT = """
    WITH nearest AS MATERIALIZED (
        SELECT c.document_id, c.ordinal, c.start, c."end", c.embedding {operator} %s::vector AS
        distance FROM {chunks} c {join}
        WHERE {condition}
        ORDER BY distance, c.document_id
        LIMIT %s
    )
    SELECT {columns}
    FROM nearest n {documents_join} {vector_join}
    ORDER BY n.distance, n.document_id"""

_HNSW = """
    WITH candidates AS MATERIALIZED (
        SELECT c.document_id, c.ordinal, c.start, c."end", c.embedding
        FROM {chunks} c {join}
        WHERE {condition}
        ORDER BY c.embedding::halfvec({dimensions}) {operator} %s::vector::halfvec({dimensions})
        LIMIT %s
    ), nearest AS MATERIALIZED (
        SELECT c.document_id, c.ordinal, c.start, c."end", c.embedding {operator} %s::vector AS
        distance,
            count(*) OVER () AS candidates
        FROM candidates c
        ORDER BY distance, c.document_id
        LIMIT %s
    )
    SELECT n.candidates, {columns}
    FROM nearest n {documents_join} {vector_join}
    ORDER BY n.distance, n.document_id"""


def _statement(
    template: str, target: Target, metadata_filter: MetadataFilter | None, include: Include
) -> tuple[bytes, list[Any]]:
    if metadata_filter is None:
        return _unfiltered(template, target, include), []
    condition, values = compile_filter(metadata_filter)
    return _compose(template, target, include, condition, filtered=True), values


def unfiltered_statement(*, target: Target, path: SearchPath, include: Include) -> bytes:
    """The SQL text of a search without a filter. The exact one takes a vector and top_k; the other,
    under SETTINGS, vector, ef_search, vector and top_k.
    """
    return _unfiltered(_HNSW if path == SearchPath.HNSW else _EXACT, target, include)


@lru_cache(maxsize=1_000)
def _unfiltered(template: str, target: Target, include: Include) -> bytes:
    return _compose(template, target, include, sql.SQL("true"), filtered=False)


def _compose(
    template: str, target: Target, include: Include, condition: sql.Composable, *, filtered: bool
) -> bytes:
    documents = sql.Identifier(documents_table(target.collection_id))
    chunks = sql.Identifier(chunks_table(target.generation_id))
    composed = sql.SQL(template).format(
        operator=sql.SQL(OPERATORS[target.metric]),
        dimensions=sql.Literal(target.dimensions),
        chunks=chunks,
        join=sql.SQL("JOIN {} d ON d.id = c.document_id" if filtered else "").format(documents),
        condition=condition,
        columns=sql.SQL(", ").join(_columns(include)),
        documents_join=sql.SQL("JOIN {} d ON d.id = n.document_id").format(documents),
        vector_join=sql.SQL(
            "JOIN {} c ON c.document_id = n.document_id AND c.ordinal = n.ordinal"
            if "vector" in include
            else ""
        ).format(chunks),
    )
    return composed.as_bytes(None)


def _columns(include: Include) -> list[sql.SQL]:
    return [
        sql.SQL('n.document_id, d.external_id, n.distance, n.start, n."end", n.ordinal'),
        sql.SQL("d.text" if include & {"text", "chunk"} else "NULL"),
        sql.SQL("d.metadata" if "metadata" in include else "NULL"),
        sql.SQL("vector_send(c.embedding)" if "vector" in include else "NULL"),
    ]


def _hit(row: tuple[Any, ...], *, target: Target) -> Hit:
    document_id, external_id, distance, start, end, ordinal, text, metadata, vector = row
    return Hit(
        document_id=document_id,
        external_id=external_id,
        score=score(metric=target.metric, distance=distance),
        distance=distance,
        start=start,
        end=end,
        ordinal=ordinal,
        text=text,
        metadata=metadata,
        vector=None if vector is None else read_vector(vector),
    )
