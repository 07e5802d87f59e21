"""Which index PostgreSQL takes for a filter, in a collection that is large enough to need one."""

import re
from importlib import import_module
from itertools import count
from typing import Any

import pytest
from django.db import connection
from psycopg import sql

from embeddings.constants import FieldType
from embeddings.models import Collection
from embeddings.services.metadata_schema import declare_fields, typed_filter
from embeddings.store.cursors import binary_cursor
from embeddings.store.documents import count_documents
from embeddings.store.filter import compile_filter
from embeddings.store.metadata_index import index_name
from embeddings.store.partitions import documents_table
from embeddings.types.filter import MetadataFilter, parse_filter
from embeddings.types.metadata_schema import SchemaField
from tests.factories import make_collection

pytestmark = pytest.mark.django_db

SCHEMA = {
    "n": SchemaField("n", FieldType.NUMBER, index=True),
    "by.name": SchemaField("by.name", FieldType.STRING, index=True),
    "when": SchemaField("when", FieldType.DATETIME, index=True),
}
FILL = """
    INSERT INTO {} (id, collection_id, external_id, text, metadata, content_hash)
    SELECT gen_random_uuid(), %s, i::text, repeat('A usual text. ', 50),
        jsonb_build_object('n', i, 'key', 'k' || i %% 4000, 'tags', jsonb_build_array('t' || i),
            'by', jsonb_build_object('name', 'author ' || i), 'half', i %% 2,
            'when', to_char('2024-01-01'::date + i * interval '1 hour', 'YYYY-MM-DD"T"HH24:MI')),
        sha256('')
    FROM generate_series(1, 8000) i"""


@pytest.fixture
def collection() -> Collection:
    collection = make_collection()
    declare_fields(collection=collection, fields=SCHEMA)
    table = sql.Identifier(documents_table(collection.pk))
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(FILL).format(table), [collection.pk])
        cursor.execute(sql.SQL("ANALYZE {}").format(table))
    return collection


def explained(collection: Collection, parsed: MetadataFilter, *, generic: bool) -> str:
    condition, values = compile_filter(parsed)
    table = sql.Identifier(documents_table(collection.pk))
    statement = sql.SQL("SELECT 1 FROM {} d WHERE {}").format(table, condition).as_string(None)
    if generic:
        numbers = count(1)
        numbered = re.sub("%s", lambda _: f"${next(numbers)}", statement)
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (GENERIC_PLAN) {numbered}")
            rows = cursor.fetchall()
    else:
        with binary_cursor() as binary:
            rows = binary.execute(f"EXPLAIN {statement}".encode(), values).fetchall()
    return "\n".join(line for (line,) in rows)


CONTAINED: list[dict[str, Any]] = [
    {"key": "k77"},
    {"n": 77},
    {"by.name": "author 77"},
    {"key": {"$in": ["k77", "k78", "k79"]}},
    {"key": {"$in": [f"k{i}" for i in range(40)]}},
    {"tags": {"$contains": "t77"}},
    {"half": 1, "key": "k77", "by.name": {"$gte": "a"}},
    {"$or": [{"key": "k77"}, {"tags": "t78"}]},
]


@pytest.mark.parametrize("generic", [False, True], ids=["custom", "generic"])
def test_equality_and_containment_use_the_index_on_the_metadata(
    collection: Collection, generic: bool
) -> None:
    for condition in CONTAINED:
        plan = explained(collection, parse_filter(condition), generic=generic)
        assert f"Index Scan on {documents_table(collection.pk)}_metadata" in plan, plan


def test_collections_of_an_earlier_version_get_the_index_on_the_metadata() -> None:
    migration = import_module("embeddings.migrations.0004_search")
    collection = make_collection()
    name = f"{documents_table(collection.pk)}_metadata"
    with connection.cursor() as cursor:
        made = "SELECT indexdef FROM pg_indexes WHERE indexname = %s"
        cursor.execute(made, [name])
        before = cursor.fetchone()
        cursor.execute(migration.METADATA_INDEXES_REVERSE)
        cursor.execute(made, [name])
        assert cursor.fetchone() is None
        cursor.execute(migration.METADATA_INDEXES)
        cursor.execute(made, [name])
        assert cursor.fetchone() == before


RANGES = [
    ("n", {"n": {"$gt": 7990}}),
    ("n", {"n": {"$gte": 100, "$lt": 110.5}, "half": 1}),
    ("by.name", {"by.name": {"$gte": "author 777", "$lt": "author 778"}}),
    ("by.name", {"by.name": {"$prefix": "author 777"}}),
    ("when", {"when": {"$gte": "2024-02-01", "$lt": "2024-02-02T00:00+01:00"}}),
    ("when", {"when": "2024-02-01T00:00:00Z"}),
    ("when", {"when": {"$in": ["2024-02-01T00:00:00Z", "2024-02-02", None]}}),
]


@pytest.mark.parametrize(("field", "condition"), RANGES)
def test_ranges_use_the_index_of_a_declared_field(
    collection: Collection, field: str, condition: dict[str, Any]
) -> None:
    parsed = typed_filter(collection=collection, metadata_filter=parse_filter(condition))
    plan = explained(collection, parsed, generic=False)
    name = index_name(collection_id=collection.pk, field=SCHEMA[field])
    assert f"Index Scan on {name}" in plan or f"Index Scan using {name}" in plan, plan


def test_a_filter_is_planned_each_time_with_its_keys_known(collection: Collection) -> None:
    for bound in range(12):
        parsed = parse_filter({"n": {"$gt": bound}})
        assert count_documents(collection_id=collection.pk, metadata_filter=parsed) == 8000 - bound
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        assert not [text for (text,) in cursor.fetchall() if "metadata_number" in text]
