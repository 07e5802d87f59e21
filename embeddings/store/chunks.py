"""Rows of a generation's partition of chunks: the vectors."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from psycopg import sql
from psycopg.types.numeric import Int4, Int8

from embeddings.store.cursors import binary_cursor, read_vector
from embeddings.store.filter import compile_filter
from embeddings.store.partitions import chunks_table
from embeddings.store.search_sql import Target
from embeddings.types.filter import MetadataFilter


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A chunk on its way to its partition: `text[start:end]` of the document and its float32
    vector.
    """

    document_id: uuid.UUID
    ordinal: int
    start: int
    end: int
    embedding: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SpanVector:
    """A stored chunk: `text[start:end]` of its document and its float32 `(dimensions,)` vector."""

    start: int
    end: int
    embedding: NDArray[np.float32]


def replace_chunks(*, generation_id: int, rows: Sequence[ChunkRow]) -> None:
    """Store the rows in place of all chunks that their documents have in this generation.

    By binary COPY: 92,000 and more rows of 384 dimensions a second, against 0.27 ms for each text
    literal.
    """
    table = sql.Identifier(chunks_table(generation_id))
    delete = sql.SQL("DELETE FROM {} WHERE document_id = ANY (%s)").format(table)
    copy = sql.SQL(
        'COPY {} (generation_id, document_id, ordinal, start, "end", embedding)'
        " FROM STDIN (FORMAT BINARY)"
    ).format(table)
    with binary_cursor() as cursor:
        cursor.execute(delete, [list({row.document_id for row in rows})])
        with cursor.copy(copy) as stream:
            for row in rows:
                stream.write_row(
                    (
                        Int8(generation_id),
                        row.document_id,
                        Int4(row.ordinal),
                        Int4(row.start),
                        Int4(row.end),
                        row.embedding,
                    )
                )


def document_vector(
    *,
    target: Target,
    document_id: uuid.UUID,
    metadata_filter: MetadataFilter | None = None,
    as_units: bool,
) -> NDArray[np.float32] | None:
    """One vector, float32 `(dimensions,)`, for all of the document: that of its chunk, or the mean
    of those of its chunks, each at length 1 first with `as_units`; None without a document that
    the filter lets through.

    The first chunk alone would speak for what a text begins with, often a mere introduction. Where
    the chunks cancel each other out, the first one is all that can be asked for.
    """
    stored = all_vectors(target=target, document_ids=[document_id], metadata_filter=metadata_filter)
    if document_id not in stored:
        return None
    vectors = stored[document_id]
    if len(vectors) == 1:
        return vectors[0]
    wide = np.asarray(vectors, dtype=np.float64)
    if as_units:
        wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    mean = wide.mean(axis=0)
    # What is left of sums that should be zero is rounding.
    vanishes = np.linalg.norm(mean) < 1e-6 * np.linalg.norm(wide, axis=1).max()
    return vectors[0] if vanishes else mean.astype(np.float32)


def count_chunks(*, target: Target, metadata_filter: MetadataFilter | None) -> int:
    """How many chunks the documents have that the filter lets through."""
    condition, values = compile_filter(metadata_filter)
    statement = sql.SQL(
        "SELECT count(*) FROM {chunks} c JOIN {documents} d ON d.id = c.document_id"
        " WHERE {condition}"
    ).format(condition=condition, **target.names)
    with binary_cursor() as cursor:
        row = cursor.execute(statement, values, prepare=False).fetchone()
    return int(row[0]) if row else 0


def chunk_vectors(
    *, generation_id: int, document_ids: Sequence[uuid.UUID], ordinals: Sequence[int]
) -> dict[tuple[uuid.UUID, int], NDArray[np.float32]]:
    """The vectors, float32 `(dimensions,)`, of those of the chunks that are stored, each named by
    its document and its ordinal.
    """
    statement = sql.SQL(
        "SELECT c.document_id, c.ordinal, vector_send(c.embedding)"
        " FROM unnest(%s::uuid[], %s::int4[]) AS wanted (document_id, ordinal)"
        " JOIN {} c USING (document_id, ordinal)"
    ).format(sql.Identifier(chunks_table(generation_id)))
    with binary_cursor() as cursor:
        rows = cursor.execute(statement, [list(document_ids), list(ordinals)]).fetchall()
    return {(pk, ordinal): read_vector(data) for pk, ordinal, data in rows}


def all_vectors(
    *,
    target: Target,
    document_ids: Sequence[uuid.UUID],
    metadata_filter: MetadataFilter | None = None,
) -> dict[uuid.UUID, list[NDArray[np.float32]]]:
    """The vectors, float32 `(dimensions,)`, of all chunks of each document that has any and that
    the filter lets through.
    """
    condition, values = compile_filter(metadata_filter)
    join = "" if metadata_filter is None else "JOIN {documents} d ON d.id = c.document_id"
    statement = sql.SQL(
        "SELECT c.document_id, vector_send(c.embedding) FROM {chunks} c {join}"
        " WHERE c.document_id = ANY (%s) AND {condition} ORDER BY c.document_id, c.ordinal"
    ).format(
        chunks=target.names["chunks"],
        join=sql.SQL(join).format(**target.names),
        condition=condition,
    )
    vectors: dict[uuid.UUID, list[NDArray[np.float32]]] = {}
    with binary_cursor() as cursor:
        rows = cursor.execute(statement, [list(document_ids), *values]).fetchall()
    for pk, data in rows:
        vectors.setdefault(pk, []).append(read_vector(data))
    return vectors


def span_vectors(
    *, generation_id: int, document_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, list[SpanVector]]:
    """The chunks of each document that has any, in their order."""
    statement = sql.SQL(
        'SELECT c.document_id, c.start, c."end", vector_send(c.embedding) FROM {} c'
        " WHERE c.document_id = ANY (%s) ORDER BY c.document_id, c.ordinal"
    ).format(sql.Identifier(chunks_table(generation_id)))
    with binary_cursor() as cursor:
        rows = cursor.execute(statement, [list(document_ids)]).fetchall()
    chunks: dict[uuid.UUID, list[SpanVector]] = {}
    for pk, start, end, data in rows:
        chunks.setdefault(pk, []).append(SpanVector(start, end, read_vector(data)))
    return chunks
