"""Filters as PostgreSQL answers them, against plain Python; and what of them reaches its text."""

import uuid
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embeddings.constants import FieldType, OnConflict
from embeddings.models import Collection
from embeddings.services.metadata_schema import declare_fields, typed_filter
from embeddings.store.documents import (
    DocumentRow,
    count_documents,
    delete_documents,
    select_documents,
    write_documents,
)
from embeddings.types.filter import MetadataFilter, parse_filter
from embeddings.types.metadata_schema import SchemaField
from tests.factories import make_collection
from tests.filter_oracle import matches
from tests.statements import recorded_statements

pytestmark = pytest.mark.django_db

STRINGS = ["", "a", "ab", "b", "A", "é", "1", "true", "\uffff", "\U0001f600", "2024-01-02", 'q"\\']
NUMBERS: list[int | float] = [0, 1, 1.0, -1, 1.5, 2, 10, 10**18, 1e300, -0.0, 0.1, 9]
INSTANTS = [
    "2024-01-01",
    "2024-01-01T00:00",
    "2024-01-01T01:00:00+01:00",
    "2023-12-31 23:00:00-01",
    "2024-01-01T00:00:00.5Z",
    "2024-02-29T12:30:15.000001Z",
    "2024-02-29T12:30:15+00:00",
    "0001-01-01",
    "9999-12-31T23:59:59.999999-14:00",
]
strings, numbers = st.sampled_from(STRINGS), st.sampled_from(NUMBERS)
instants = st.sampled_from(INSTANTS)
points = st.one_of(instants, st.none())
scalars = st.one_of(strings, numbers, st.booleans(), st.none())
lists = st.lists(st.one_of(scalars, st.lists(scalars, max_size=1)), max_size=3)
inner = st.dictionaries(st.sampled_from(["b", "0"]), st.one_of(scalars, lists), max_size=2)
metadata = st.fixed_dictionaries(
    {},
    optional={
        "a": st.one_of(scalars, lists, inner, st.lists(inner, max_size=2)),
        "x.y": scalars,
        "n": st.one_of(st.none(), numbers),
        "s": st.one_of(st.none(), strings),
        "when": points,
    },
)
SCHEMA = {
    "n": SchemaField("n", FieldType.NUMBER, index=True),
    "s": SchemaField("s", FieldType.STRING, index=True),
    "when": SchemaField("when", FieldType.DATETIME, index=True),
}
SPELLED = {"$contains", "$prefix"}
"""What no datetime takes."""


def conditions(operands: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Of a field that is compared with such operands."""
    some = st.lists(operands, min_size=1, max_size=20)
    bounds = operands.filter(lambda value: value is not None and not isinstance(value, bool))
    operators = {
        **dict.fromkeys(["$eq", "$ne", "$contains"], operands),
        **dict.fromkeys(["$gt", "$gte", "$lt", "$lte"], bounds),
        **dict.fromkeys(["$in", "$nin"], some),
        "$exists": st.booleans(),
        "$prefix": strings,
    }
    if operands is points:
        operators = {name: operators[name] for name in operators.keys() - SPELLED}
    single = st.sampled_from(sorted(operators)).flatmap(
        lambda name: st.fixed_dictionaries({name: operators[name]})
    )
    negated = st.recursive(
        single, lambda inner: st.fixed_dictionaries({"$not": inner}), max_leaves=2
    )
    return st.one_of(
        operands, single, negated, st.tuples(single, negated).map(lambda p: {**p[0], **p[1]})
    )


fields = st.one_of(
    st.tuples(st.sampled_from(["a", "a.b", "a.0", "x\\.y", "n", "s", "none"]), conditions(scalars)),
    st.tuples(st.just("when"), conditions(points)),
).map(lambda pair: dict([pair]))
filters = st.recursive(
    fields,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"$and": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"$or": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"$not": inner}),
        st.tuples(inner, fields).map(lambda pair: {**pair[0], **pair[1]}),
    ),
    max_leaves=4,
)


def store(collection: Collection, documents: list[dict[str, Any]]) -> list[uuid.UUID]:
    """The documents alone, without vectors; their ids in the order of the documents."""
    rows = [
        DocumentRow(uuid.UUID(int=i), f"d{i}", "text", document, b"0" * 32)
        for i, document in enumerate(documents)
    ]
    write_documents(collection_id=collection.pk, rows=rows, on_conflict=OnConflict.ERROR)
    return [row.id for row in rows]


@pytest.mark.parametrize("declared", [False, True], ids=["no schema", "schema"])
@pytest.mark.parametrize("scan", ["index", "seq"])
def test_every_operator_means_what_it_means_in_python(declared: bool, scan: str) -> None:
    collection = make_collection()
    if declared:
        declare_fields(collection=collection, fields=SCHEMA)
    datetimes = {"when"} if declared else set()
    everything = parse_filter({"$not": {"none": {"$exists": True}}})
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL enable_{scan}scan = on")
        cursor.execute(f"SET LOCAL enable_{'seq' if scan == 'index' else 'bitmap'}scan = off")

    @settings(
        max_examples=6,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        documents=st.lists(metadata, min_size=5, max_size=40),
        asked=st.lists(filters, min_size=10, max_size=20),
    )
    def compare(documents: list[dict[str, Any]], asked: list[dict[str, Any]]) -> None:
        delete_documents(collection_id=collection.pk, metadata_filter=everything)
        ids = store(collection, documents)
        for condition in asked:
            expected = [
                pk
                for pk, document in zip(ids, documents, strict=True)
                if matches(condition, document, datetimes)
            ]
            parsed = typed_filter(collection=collection, metadata_filter=parse_filter(condition))
            assert found(collection, parsed) == expected, condition
            assert count(collection, parsed) == len(expected), condition

    compare()


def found(collection: Collection, parsed: MetadataFilter) -> list[uuid.UUID]:
    return [
        document.pk
        for document in select_documents(collection_id=collection.pk, metadata_filter=parsed)
    ]


def count(collection: Collection, parsed: MetadataFilter) -> int:
    return count_documents(collection_id=collection.pk, metadata_filter=parsed)


def test_a_long_list_means_the_same() -> None:
    collection = make_collection()
    store(collection, [{"n": n} for n in range(100)] + [{"n": [n, "x"]} for n in range(50, 150)])
    odd = list(range(1, 151, 2))
    assert count(collection, parse_filter({"n": {"$in": odd}})) == 100
    assert count(collection, parse_filter({"n": {"$nin": odd}})) == 100


def test_no_key_and_no_value_reaches_the_text() -> None:
    collection = make_collection()
    declare_fields(collection=collection, fields={"secret": SCHEMA["when"]})
    key, value = "secret", "2024-03-04T05:06:07"
    operators: list[dict[str, Any]] = [
        *({name: value} for name in ("$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$contains")),
        *({"$in": [value]}, {"$nin": [value] * 20}, {"$exists": True}, {"$prefix": value}),
        *({"$not": {"$gt": value}}, {"$eq": 987654}, {"$gt": 987654}),
    ]
    for declared in (False, True):
        for condition in operators:
            if declared and (987654 in condition.values() or condition.keys() & SPELLED):
                continue
            parsed = parse_filter({"$or": [{f"{key}.{key}": condition}, {key: condition}]})
            if declared:
                parsed = typed_filter(collection=collection, metadata_filter=parsed)
            with recorded_statements() as statements:
                count(collection, parsed)
                found(collection, parsed)
                delete_documents(collection_id=collection.pk, metadata_filter=parsed)
            assert len(statements) == 3
            for statement in statements:
                assert not any(part in statement for part in (key, value, "987654", "2024"))
