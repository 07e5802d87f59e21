"""Makes and drops the tables behind a collection and a generation.

A partition is created as a plain table and attached: `CREATE TABLE … PARTITION OF` would lock the
parent against reads. Keys stand on the partitions, so that they need no partition column.
"""

import uuid
from collections.abc import Iterable

from django.db import connection
from psycopg import sql

from embeddings.models import Collection, Generation
from embeddings.store.partition_drops import drop_partition, tables_like

INLINE_DIMENSIONS = 1_900
"""Up to here a float32 vector and its row fit one 8 KiB page, so that it need not go to TOAST."""


NAMES = {
    "chunks": "^chunks_[0-9]+$",
    "document_terms": "^terms_[0-9a-f]{32}$",
    "documents": "^documents_[0-9a-f]{32}$",
}
"""Of the partitions of each table, in the order in which they can go: keys refer to documents."""


def documents_table(collection_id: uuid.UUID) -> str:
    """The name of a collection's partition of `documents`."""
    return f"documents_{collection_id.hex}"


def chunks_table(generation_id: int) -> str:
    """The name of a generation's partition of `chunks`."""
    return f"chunks_{generation_id}"


def terms_table(collection_id: uuid.UUID) -> str:
    """The name of a collection's partition of `document_terms`."""
    return f"terms_{collection_id.hex}"


def terms_index(collection_id: uuid.UUID) -> str:
    """The name of the index of the words of a collection's documents."""
    return f"{terms_table(collection_id)}_gin"


def create_documents_partition(*, collection_id: uuid.UUID) -> None:
    """The empty tables for a collection's documents and for their words."""
    table = sql.Identifier(documents_table(collection_id))
    _execute(
        sql.SQL(
            "CREATE TABLE {table} (LIKE documents INCLUDING ALL, PRIMARY KEY (id),"
            " CHECK (collection_id = {value}))"
        ).format(table=table, value=sql.Literal(collection_id)),
        # Empty, it costs 2 ms; later it would have to be built beside the writers. Of 4 MB, the
        # default, of pending entries each look-up reads all, and a writer stops for 1 s in the end.
        sql.SQL(
            "CREATE INDEX {} ON {} USING gin (metadata jsonb_path_ops)"
            " WITH (gin_pending_list_limit = 256)"
        ).format(sql.Identifier(f"{documents_table(collection_id)}_metadata"), table),
        _attach("documents", table, sql.Literal(collection_id)),
    )
    _create_terms_partition(collection_id)


def _create_terms_partition(collection_id: uuid.UUID) -> None:
    table, value = sql.Identifier(terms_table(collection_id)), sql.Literal(collection_id)
    _execute(
        sql.SQL(
            "CREATE TABLE {table} (LIKE document_terms INCLUDING ALL, PRIMARY KEY (document_id),"
            " FOREIGN KEY (document_id) REFERENCES {documents} (id) ON DELETE CASCADE,"
            " CHECK (collection_id = {value}))"
        ).format(
            table=table, documents=sql.Identifier(documents_table(collection_id)), value=value
        ),
        sql.SQL("CREATE INDEX {} ON {} USING gin (terms)").format(
            sql.Identifier(terms_index(collection_id)), table
        ),
        _attach("document_terms", table, value),
    )


def create_chunks_partition(*, generation: Generation) -> None:
    """The empty table for a generation's vectors, which refuses any that its metric can't order."""
    table = sql.Identifier(chunks_table(generation.pk))
    value = sql.Literal(generation.pk)
    _execute(
        sql.SQL(
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

    Outside a transaction nobody waits for it, and it waits for nobody longer than a moment: what
    others still read then is left to drop_orphaned_partitions.
    """
    for generation_id in generation_ids:
        drop_partition(parent="chunks", table=chunks_table(generation_id))
    drop_partition(parent="document_terms", table=terms_table(collection_id))
    drop_partition(parent="documents", table=documents_table(collection_id))


def drop_orphaned_partitions() -> int:
    """Drop the tables of deleted collections that a crash, or somebody who read them for long, left
    behind; returns how many.
    """
    # The tables first: one that is made meanwhile must not be missing among the owners only.
    tables = [
        (parent, table) for parent, name in NAMES.items() for table in tables_like(pattern=name)
    ]
    collections = Collection.objects.values_list("pk", flat=True)
    owned = {table(pk) for pk in collections for table in (documents_table, terms_table)}
    owned |= {chunks_table(pk) for pk in Generation.objects.values_list("pk", flat=True)}
    orphans = [(parent, table) for parent, table in tables if table not in owned]
    return sum(drop_partition(parent=parent, table=table) for parent, table in orphans)


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
