"""Rows of a collection's partition of documents."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from embeddings.constants import OnConflict
from embeddings.store.cursors import binary_cursor
from embeddings.store.filter import compile_filter
from embeddings.store.partitions import documents_table
from embeddings.types.filter import MetadataFilter


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document on its way to its partition; `content_hash` is 32 bytes."""

    id: uuid.UUID
    external_id: str
    text: str
    metadata: dict[str, Any]
    content_hash: bytes


@dataclass(frozen=True, slots=True)
class Written:
    """Which rows a write made, and which it changed."""

    added: set[uuid.UUID]
    updated: set[uuid.UUID]


def content_hashes(*, collection_id: uuid.UUID, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, bytes]:
    """The content hashes of those of the documents that are stored."""
    statement = _sql("SELECT id, content_hash FROM {table} WHERE id = ANY (%s)", collection_id)
    with binary_cursor() as cursor:
        return dict(cursor.execute(statement, [list(ids)]).fetchall())


def write_documents(
    *, collection_id: uuid.UUID, rows: Sequence[DocumentRow], on_conflict: OnConflict
) -> Written:
    """Insert the rows; with UPSERT change those whose text or metadata differ, else let them be."""
    action = _UPDATE if on_conflict == OnConflict.UPSERT else "NOTHING"
    statement = _sql(_INSERT + action + " RETURNING id, (xmax = 0) AS inserted", collection_id)
    parameters = [
        collection_id,
        [row.id for row in rows],
        [row.external_id for row in rows],
        [row.text for row in rows],
        [Jsonb(row.metadata) for row in rows],
        [row.content_hash for row in rows],
    ]
    with binary_cursor() as cursor:
        written = cursor.execute(statement, parameters).fetchall()
    return Written(
        added={pk for pk, inserted in written if inserted},
        updated={pk for pk, inserted in written if not inserted},
    )


# `xmax` is 0 on a row that replaced no other: PostgreSQL 18 could say OLD and NEW, 16 can't.
_INSERT = """
    INSERT INTO {table} AS d (id, collection_id, external_id, text, metadata, content_hash)
    SELECT new.id, %s, new.external_id, new.text, new.metadata, new.content_hash
    FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::jsonb[], %s::bytea[])
        AS new (id, external_id, text, metadata, content_hash)
    ON CONFLICT (id) DO """
_UPDATE = """UPDATE SET text = excluded.text, metadata = excluded.metadata,
        content_hash = excluded.content_hash, updated_at = now()
    WHERE d.content_hash <> excluded.content_hash OR d.metadata <> excluded.metadata"""


def list_ids(
    *,
    collection_id: uuid.UUID,
    metadata_filter: MetadataFilter | None,
    after: uuid.UUID | None,
    limit: int,
) -> list[uuid.UUID]:
    """The next `limit` ids in key order behind `after` that the filter lets through."""
    condition, values = compile_filter(metadata_filter)
    statement = sql.SQL("SELECT id FROM {} d WHERE {} {} ORDER BY id LIMIT %s").format(
        _table(collection_id), condition, sql.SQL("AND id > %s" if after else "")
    )
    with binary_cursor() as cursor:
        parameters = [*values, *([after] if after else []), limit]
        rows = cursor.execute(statement, parameters, prepare=False).fetchall()
    return [pk for (pk,) in rows]


def count_documents(*, collection_id: uuid.UUID, metadata_filter: MetadataFilter | None) -> int:
    """How many documents the filter lets through."""
    condition, values = compile_filter(metadata_filter)
    statement = sql.SQL("SELECT count(*) FROM {} d WHERE {}").format(
        _table(collection_id), condition
    )
    with binary_cursor() as cursor:
        row = cursor.execute(statement, values, prepare=False).fetchone()
    return int(row[0]) if row else 0


def delete_documents(*, collection_id: uuid.UUID, metadata_filter: MetadataFilter) -> int:
    """Delete what the filter lets through; the chunks go by cascade. Returns how many documents."""
    condition, values = compile_filter(metadata_filter)
    statement = sql.SQL("DELETE FROM {} d WHERE {}").format(_table(collection_id), condition)
    with binary_cursor() as cursor:
        return cursor.execute(statement, values, prepare=False).rowcount


def delete_ids(*, collection_id: uuid.UUID, ids: Sequence[uuid.UUID]) -> int:
    """Delete these documents; the chunks go by cascade. Returns how many were there."""
    with binary_cursor() as cursor:
        statement = _sql("DELETE FROM {table} WHERE id = ANY (%s)", collection_id)
        return cursor.execute(statement, [list(ids)]).rowcount


def _table(collection_id: uuid.UUID) -> sql.Identifier:
    return sql.Identifier(documents_table(collection_id))


def _sql(template: str, collection_id: uuid.UUID) -> sql.Composed:
    return sql.SQL(template).format(table=_table(collection_id))
