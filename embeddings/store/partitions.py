"""Makes and drops the tables behind a collection and a generation.

A partition is created as a plain table and attached: `CREATE TABLE … PARTITION OF` would lock the
parent against reads. Keys stand on the partitions, so that they need no partition column.
"""

import uuid
from collections.abc import Iterable

from django.db import connection
from psycopg import sql

from embeddings.models import Collection, Generation

INLINE_DIMENSIONS = 1_900
"""Up to here a float32 vector and its row fit one 8 KiB page, so that it need not go to TOAST."""


def documents_table(collection_id: uuid.UUID) -> str:
    """The name of a collection's partition of `documents`."""
    return f"documents_{collection_id.hex}"


def chunks_table(generation_id: int) -> str:
    """The name of a generation's partition of `chunks`."""
    return f"chunks_{generation_id}"


def create_documents_partition(*, collection_id: uuid.UUID) -> None:
    """The empty table for a collection's documents."""
    table = sql.Identifier(documents_table(collection_id))
    _execute(
        sql.SQL(
            "CREATE TABLE {table} (LIKE documents INCLUDING ALL, PRIMARY KEY (id),"
            " CHECK (collection_id = {value}))"
        ).format(table=table, value=sql.Literal(collection_id)),
        _attach("documents", table, sql.Literal(collection_id)),
    )


def create_chunks_partition(*, generation: Generation) -> None:
    """The empty table for a generation's vectors, which refuses any that its metric can't order."""
    table = sql.Identifier(chunks_table(generation.pk))
    value = sql.Literal(generation.pk)
    _execute(
        sql.SQL(
        # Empty, it costs 1 ms; later it would have to be built beside the writers.
        sql.SQL("CREATE INDEX {} ON {} USING gin (metadata jsonb_path_ops)").format(
            sql.Identifier(f"{documents_table(collection_id)}_metadata"), table
        ),
            "CREATE TABLE {table} (LIKE chunks INCLUDING ALL, PRIMARY KEY (document_id, ordinal),"
            " FOREIGN KEY (document_id) REFERENCES {documents} (id) ON DELETE CASCADE,"
            " CHECK (generation_id = {value}),"
            " CONSTRAINT {dimensions_name} CHECK (vector_dims(embedding) = {dimensions}),"
            " CONSTRAINT {norm_name} CHECK (vector_norm(embedding) > 0"
            " AND vector_norm(embedding) < 'Infinity'))"
        ).format(
            table=table,
            documents=sql.Identifier(documents_table(generation.collection_id)),
            value=value,
            dimensions=sql.Literal(generation.dimensions),
            dimensions_name=sql.Identifier(f"{chunks_table(generation.pk)}_dimensions"),
            norm_name=sql.Identifier(f"{chunks_table(generation.pk)}_finite_not_zero"),
        ),
        *([_store_inline(table)] if generation.dimensions <= INLINE_DIMENSIONS else []),
        _attach("chunks", table, value),
    )


def drop_partitions(*, collection_id: uuid.UUID, generation_ids: Iterable[int]) -> None:
    """Drop a collection's tables; does nothing about those that are gone.

    Outside a transaction the partition is detached concurrently first, so that searches in other
    collections never wait.
    """
    for generation_id in generation_ids:
        _drop("chunks", chunks_table(generation_id))
    _drop("documents", documents_table(collection_id))


def drop_orphaned_partitions() -> int:
    """Drop the tables that a crash left behind after their collection was deleted; returns how
    many.
    """
    # The tables first: one that is made meanwhile must not be missing among the owners only.
    tables = [
        (parent, table) for parent in ("chunks", "documents") for table in _partitions(parent)
    ]
    owned = {documents_table(pk) for pk in Collection.objects.values_list("pk", flat=True)}
    owned |= {chunks_table(pk) for pk in Generation.objects.values_list("pk", flat=True)}
    orphans = [(parent, table) for parent, table in tables if table not in owned]
    for parent, table in orphans:
        _drop(parent, table)
    return len(orphans)


def _partitions(parent: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = %s::regclass",
            [parent],
        )
        return [name for (name,) in cursor.fetchall()]


def _drop(parent: str, table: str) -> None:
    if table in _partitions(parent):
        mode = sql.SQL("" if connection.in_atomic_block else " CONCURRENTLY")
        _execute(
            sql.SQL("ALTER TABLE {parent} DETACH PARTITION {table}{mode}").format(
                parent=sql.Identifier(parent), table=sql.Identifier(table), mode=mode
            )
        )
    _execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(table)))


def _attach(parent: str, table: sql.Identifier, value: sql.Literal) -> sql.Composed:
    return sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES IN ({})").format(
        sql.Identifier(parent), table, value
    )


def _store_inline(table: sql.Identifier) -> sql.Composed:
    return sql.SQL("ALTER TABLE {} ALTER COLUMN embedding SET STORAGE PLAIN").format(table)


def _execute(*statements: sql.Composable) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
