"""Rows of a collection's partition of documents."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from psycopg import sql
from psycopg.types.json import Jsonb

from embeddings.constants import OnConflict
from embeddings.models import Document
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


def select_documents(
    *,
    collection_id: uuid.UUID,
    metadata_filter: MetadataFilter | None,
    ids: Sequence[uuid.UUID] | None = None,
    after: uuid.UUID | None = None,
    limit: int | None = None,
) -> list[Document]:
    """The documents that the filter lets through, in key order: the first `limit` of those with
    these `ids`, or of all, behind the key `after`.
    """
    condition, values = compile_filter(metadata_filter)
    conditions: list[sql.Composable] = [condition]
    if ids is not None:
        conditions.append(sql.SQL("d.id = ANY (%s)"))
        values = [*values, list(ids)]
    if after is not None:
        conditions.append(sql.SQL("d.id > %s"))
        values = [*values, after]
    statement = sql.SQL(_SELECT).format(
        table=_table(collection_id), conditions=sql.SQL(" AND ").join(conditions)
    )
    with binary_cursor() as cursor:
        rows = cursor.execute(statement, [*values, limit], prepare=False).fetchall()
    return [_document(row) for row in rows]


# Metadata as text: orjson would read an integer of more than 64 bits as a float.
_SELECT = """
    SELECT d.id, d.collection_id, d.external_id, d.text, d.metadata::text, d.content_hash,
        d.created_at, d.updated_at
    FROM {table} d WHERE {conditions} ORDER BY d.id LIMIT %s"""
_FIELDS = [field.attname for field in Document._meta.concrete_fields]


def _document(row: tuple[Any, ...]) -> Document:
    values = dict(zip(_FIELDS, row, strict=True))
    values["metadata"] = json.loads(values["metadata"])
    return Document.from_db(DEFAULT_DB_ALIAS, _FIELDS, list(values.values()))


def passing(
    *, metadata: Sequence[dict[str, Any]], metadata_filter: MetadataFilter | None
) -> set[int]:
    """The places of those metadata, which need not be stored, that the filter lets through."""
    condition, values = compile_filter(metadata_filter)
    statement = sql.SQL(
        "SELECT d.place - 1 FROM unnest(%s::jsonb[]) WITH ORDINALITY AS d (metadata, place)"
        " WHERE {}"
    ).format(condition)
    with binary_cursor() as cursor:
        given = [[Jsonb(each) for each in metadata], *values]
        rows = cursor.execute(statement, given, prepare=False).fetchall()
    return {place for (place,) in rows}


def ids_without(
    *,
    collection_id: uuid.UUID,
    ids: Sequence[uuid.UUID],
    metadata_filter: MetadataFilter | None,
) -> set[uuid.UUID]:
    """Those of the documents that are stored and that the filter does not let through."""
    condition, values = compile_filter(metadata_filter)
    statement = sql.SQL("SELECT d.id FROM {} d WHERE d.id = ANY (%s) AND ({}) IS NOT TRUE").format(
        _table(collection_id), condition
    )
    with binary_cursor() as cursor:
        rows = cursor.execute(statement, [list(ids), *values], prepare=False).fetchall()
    return {pk for (pk,) in rows}


def count_documents(*, collection_id: uuid.UUID, metadata_filter: MetadataFilter | None) -> int:
    """How many documents the filter lets through."""
    condition, values = compile_filter(metadata_filter)
    statement = sql.SQL("SELECT count(*) FROM {} d WHERE {}").format(
        _table(collection_id), condition
    )
    with binary_cursor() as cursor:
        row = cursor.execute(statement, values, prepare=False).fetchone()
    return int(row[0]) if row else 0


def count_in_each(*, views: Mapping[uuid.UUID, MetadataFilter | None]) -> dict[uuid.UUID, int]:
    """How many documents of each collection its filter lets through; 0 where it was deleted."""
    compiled = {pk: compile_filter(metadata_filter) for pk, metadata_filter in views.items()}
    # Of the parent: of a partition that is gone meanwhile PostgreSQL would know no name.
    counts = [
        sql.SQL(
            "SELECT %s::uuid, count(*) FROM documents d WHERE d.collection_id = %s AND {}"
        ).format(condition)
        for condition, _ in compiled.values()
    ]
    bound = [value for pk, (_, values) in compiled.items() for value in (pk, pk, *values)]
    with binary_cursor() as cursor:
        statement = sql.SQL(" UNION ALL ").join(counts)
        return dict(cursor.execute(statement, bound, prepare=False).fetchall())


def delete_documents(*, collection_id: uuid.UUID, metadata_filter: MetadataFilter) -> int:
    """Delete what the filter lets through; the chunks go by cascade. Returns how many documents."""
    condition, values = compile_filter(metadata_filter)
    statement = sql.SQL("DELETE FROM {} d WHERE {}").format(_table(collection_id), condition)
    with binary_cursor() as cursor:
        return cursor.execute(statement, values, prepare=False).rowcount


def delete_ids(
    *,
    collection_id: uuid.UUID,
    ids: Sequence[uuid.UUID],
    metadata_filter: MetadataFilter | None = None,
) -> int:
    """Delete those of these documents that the filter lets through; the chunks go by cascade.
    Returns how many there were.
    """
    condition, values = compile_filter(metadata_filter)
    statement = sql.SQL("DELETE FROM {} d WHERE d.id = ANY (%s) AND {}").format(
        _table(collection_id), condition
    )
    with binary_cursor() as cursor:
        return cursor.execute(statement, [list(ids), *values], prepare=False).rowcount


def _table(collection_id: uuid.UUID) -> sql.Identifier:
    return sql.Identifier(documents_table(collection_id))


def _sql(template: str, collection_id: uuid.UUID) -> sql.Composed:
    return sql.SQL(template).format(table=_table(collection_id))
