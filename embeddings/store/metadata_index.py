"""Indexes on the metadata of a collection's documents."""

import hashlib
import uuid

from django.db import connection
from psycopg import sql

from embeddings.constants import FieldType
from embeddings.store.metadata_values import steps
from embeddings.store.partitions import documents_table
from embeddings.types.metadata_schema import MAX_INDEXED_BYTES, SchemaField

EXPRESSIONS = {
    FieldType.NUMBER: "metadata_number({})",
    FieldType.STRING: 'metadata_string({}) COLLATE "C"',
    FieldType.DATETIME: "metadata_instant({})",
}
"""As embeddings.store.filter compiles ranges, so that the planner finds the one in the other."""

CONFORMS = {
    FieldType.NUMBER: "jsonb_typeof(f.value) = 'number'",
    FieldType.STRING: "jsonb_typeof(f.value) = 'string'",
    FieldType.BOOLEAN: "jsonb_typeof(f.value) = 'boolean'",
    FieldType.DATETIME: "metadata_instant(f.value) IS NOT NULL",
    FieldType.STRINGS: "jsonb_typeof(f.value) = 'array' AND jsonb_path_exists("
    """f.value, 'strict $[*] ? (@.type() != "string")', silent => true) IS NOT TRUE""",
}
"""What embeddings.types.metadata_schema.value_fault checks in Python."""


def index_name(*, collection_id: uuid.UUID, field: SchemaField) -> str:
    """Of the index of a declared field: it stands for what is indexed, so that an index of another
    type never passes for it.
    """
    digest = hashlib.sha256(f"{field.type}:{field.name}".encode()).hexdigest()[:16]
    return f"{documents_table(collection_id)}_{digest}"


def create_index(
    *, collection_id: uuid.UUID, field: SchemaField, concurrently: bool = False
) -> None:
    """Build the field's index; concurrently, which no transaction may surround, others can write
    meanwhile. The statement holds the field's name, for which DDL has no parameters, as a literal.
    """
    table = sql.Identifier(documents_table(collection_id))
    at = sql.SQL("(metadata{})").format(
        sql.SQL("").join(sql.SQL(" -> {}").format(sql.Literal(step)) for step in field.path)
    )
    statement = sql.SQL("CREATE INDEX {concurrently} {name} ON {table} (({expression}))").format(
        concurrently=sql.SQL("CONCURRENTLY" if concurrently else ""),
        name=sql.Identifier(index_name(collection_id=collection_id, field=field)),
        table=table,
        expression=sql.SQL(EXPRESSIONS[field.type]).format(at),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement)
        if concurrently:  # there are rows, and nobody knows yet how the expression's values spread
            cursor.execute(sql.SQL("ANALYZE {}").format(table))


def drop_index(*, name: str) -> None:
    """Concurrently, which no transaction may surround."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(name)))


def field_indexes(*, collection_id: uuid.UUID) -> dict[str, bool]:
    """The names of the indexes of declared fields, and whether each is whole."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
            " WHERE i.indrelid = to_regclass(%s) AND i.indexprs IS NOT NULL",
            [documents_table(collection_id)],
        )
        return dict(cursor.fetchall())


def is_being_built(*, name: str) -> bool:
    """Whether some session is at it: an index that is not whole is a ruin otherwise."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_stat_progress_create_index WHERE index_relid = to_regclass(%s)",
            [name],
        )
        return cursor.fetchone() is not None


def violations(*, collection_id: uuid.UUID, field: SchemaField) -> tuple[int, str | None]:
    """How many stored documents break the field's declaration, and the external id of one."""
    missing = "f.value IS NULL OR f.value = 'null' OR" if field.required else ""
    long = f"octet_length(f.value #>> '{{}}') > {MAX_INDEXED_BYTES} OR" if field.index else ""
    statement = sql.SQL(
        'SELECT count(*), min(d.external_id COLLATE "C")'
        " FROM {table} d, LATERAL (SELECT d.metadata{steps} AS value) f"
        " WHERE {missing} {long} (f.value <> 'null' AND NOT ({conforms}))"
    ).format(
        table=sql.Identifier(documents_table(collection_id)),
        steps=steps(field.path),
        missing=sql.SQL(missing),
        long=sql.SQL(long),
        conforms=sql.SQL(CONFORMS[field.type]),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, list(field.path))
        row = cursor.fetchone()
    return row or (0, None)
