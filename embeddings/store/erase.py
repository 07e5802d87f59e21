"""What is to be known of documents before they are erased, and the rewriting of their tables."""

import uuid
from collections.abc import Sequence

from django.db import connection
from psycopg import sql

from embeddings.store.cursors import binary_cursor
from embeddings.store.filter import compile_filter
from embeddings.store.partitions import chunks_table, documents_table, terms_table
from embeddings.types.filter import MetadataFilter

SHARED_TABLES = (
    "job_parts",
    "jobs",
    "frequent_queries",
    "keyword_statistics",
    "common_terms",
)
"""Where rows of all collections are, or were, that held something of a document."""


def take_documents(
    *,
    collection_id: uuid.UUID,
    ids: Sequence[uuid.UUID] | None,
    metadata_filter: MetadataFilter | None,
    limit: int,
) -> list[tuple[uuid.UUID, str, bytes]]:
    """Id, the caller's id and the content hash of the first `limit` documents in key order that the
    filter lets through, all of them or those with these ids. They are locked.
    """
    condition, values = compile_filter(metadata_filter)
    statement = sql.SQL(
        "SELECT d.id, d.external_id, d.content_hash FROM {} d"
        " WHERE (%s::uuid[] IS NULL OR d.id = ANY (%s)) AND {} ORDER BY d.id LIMIT %s FOR UPDATE"
    ).format(sql.Identifier(documents_table(collection_id)), condition)
    given = None if ids is None else list(ids)
    with binary_cursor() as cursor:
        rows = cursor.execute(statement, [given, given, *values, limit], prepare=False)
        return [(pk, external_id, bytes(digest)) for pk, external_id, digest in rows]


def count_documents(
    *,
    collection_id: uuid.UUID,
    ids: Sequence[uuid.UUID] | None,
    metadata_filter: MetadataFilter | None,
) -> int:
    """How many documents take_documents would take in all."""
    condition, values = compile_filter(metadata_filter)
    statement = sql.SQL(
        "SELECT count(*) FROM {} d WHERE (%s::uuid[] IS NULL OR d.id = ANY (%s)) AND {}"
    ).format(sql.Identifier(documents_table(collection_id)), condition)
    given = None if ids is None else list(ids)
    with binary_cursor() as cursor:
        row = cursor.execute(statement, [given, given, *values], prepare=False).fetchone()
    return int(row[0]) if row else 0


def count_chunks(*, generation_id: int, document_ids: Sequence[uuid.UUID]) -> int:
    """How many chunks the documents have."""
    statement = sql.SQL("SELECT count(*) FROM {} WHERE document_id = ANY (%s)").format(
        sql.Identifier(chunks_table(generation_id))
    )
    with binary_cursor() as cursor:
        row = cursor.execute(statement, [list(document_ids)]).fetchone()
    return int(row[0]) if row else 0


def embedded_texts(
    *, collection_id: uuid.UUID, generation_id: int, document_ids: Sequence[uuid.UUID]
) -> set[str]:
    """The texts of the documents and of their chunks."""
    statement = sql.SQL(
        "SELECT d.text FROM {documents} d WHERE d.id = ANY (%s) UNION"
        ' SELECT substr(d.text, c.start + 1, c."end" - c.start) FROM {documents} d'
        " JOIN {chunks} c ON c.document_id = d.id WHERE d.id = ANY (%s)"
    ).format(
        documents=sql.Identifier(documents_table(collection_id)),
        chunks=sql.Identifier(chunks_table(generation_id)),
    )
    with binary_cursor() as cursor:
        rows = cursor.execute(statement, [list(document_ids), list(document_ids)]).fetchall()
    return {text for (text,) in rows}


def tables_of(*, collection_id: uuid.UUID, generation_ids: Sequence[int]) -> list[str]:
    """The tables in which rows of the collection are, or were."""
    chunks = [chunks_table(pk) for pk in generation_ids]
    return [documents_table(collection_id), terms_table(collection_id), *chunks, *SHARED_TABLES]


def analyze(*, collection_id: uuid.UUID) -> None:
    """Sample the documents anew: PostgreSQL keeps frequent values of its last sample. Not while an
    index is built, which autovacuum does not either.
    """
    statement = sql.SQL("ANALYZE (SKIP_LOCKED) {}")
    with binary_cursor() as cursor:
        cursor.execute(statement.format(sql.Identifier(documents_table(collection_id))))


def rewrite(*, table: str) -> None:
    """Write the table anew, without its dead rows; whoever wants it waits meanwhile. Not inside a
    transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("VACUUM (FULL, ANALYZE) {}").format(sql.Identifier(table)))
