"""Declared fields of the metadata: how they are declared, and which values conform."""

from datetime import datetime
from typing import Any

import pytest

from embeddings.constants import FieldType
from embeddings.exceptions import InvalidFilter, InvalidMetadataSchema
from embeddings.types.filter import And, Condition, Not, Or, parse_filter
from embeddings.types.metadata_schema import (
    MAX_FIELDS,
    MAX_INDEXED_BYTES,
    SchemaField,
    is_instant,
    parse_schema,
    read_schema,
    value_fault,
    with_types,
)
from tests.declared_values import BREAKING, CONFORMING, INSTANTS, NO_INSTANTS


def test_it_works() -> None:
    parsed = parse_schema(
        {
            "lang": "string",
            "by.year": {"type": "number", "index": True, "required": True},
            "old": None,
        },
        param="metadata_schema",
    )
    assert parsed == {
        "lang": SchemaField("lang", FieldType.STRING),
        "by.year": SchemaField("by.year", FieldType.NUMBER, index=True, required=True),
        "old": None,
    }
    fields = {name: field for name, field in parsed.items() if field}
    assert read_schema({name: field.as_json() for name, field in fields.items()}) == fields


@pytest.mark.parametrize(
    ("value", "param"),
    [
        ([], "metadata_schema"),
        (None, "metadata_schema"),
        ({f"a{i}": "string" for i in range(MAX_FIELDS + 1)}, "metadata_schema"),
        ({"": "string"}, "metadata_schema"),
        ({"a" * 65_536: "string"}, "metadata_schema"),
        ({"a'b": "string"}, "metadata_schema"),
        ({"$a": "string"}, "metadata_schema"),
        ({"a": "text"}, "metadata_schema.a.type"),
        ({"a": {"type": ["string"]}}, "metadata_schema.a.type"),
        ({"a": {"type": None}}, "metadata_schema.a.type"),
        ({"a": {}}, "metadata_schema.a"),
        ({"a": 1}, "metadata_schema.a"),
        ({"a": {"type": "number", "unique": True}}, "metadata_schema.a"),
        ({"a": {"type": "number", "index": 1}}, "metadata_schema.a.index"),
        ({"a": {"type": "number", "required": None}}, "metadata_schema.a.required"),
        ({"a": {"type": "string[]", "index": True}}, "metadata_schema.a.index"),
        ({"a": {"type": "boolean", "index": True}}, "metadata_schema.a.index"),
    ],
)
def test_malformed_schemas_name_the_place(value: Any, param: str) -> None:
    with pytest.raises(InvalidMetadataSchema) as refusal:
        parse_schema(value, param="metadata_schema")
    assert refusal.value.param == param


@pytest.mark.parametrize(("kind", "value"), CONFORMING)
def test_what_conforms(kind: str, value: Any) -> None:
    assert value_fault(SchemaField("a.b", FieldType(kind)), {"a": {"b": value}}) is None


@pytest.mark.parametrize(("kind", "value"), BREAKING)
def test_what_breaks_a_declaration(kind: str, value: Any) -> None:
    assert value_fault(SchemaField("a.b", FieldType(kind)), {"a": {"b": value}}) is not None


def test_what_is_required_is_neither_absent_nor_null() -> None:
    field = SchemaField("a", FieldType.NUMBER, required=True)
    assert value_fault(field, {"a": 0}) is None
    for metadata in ({}, {"a": None}):
        assert value_fault(field, metadata) == "is required"
    assert value_fault(SchemaField("a.b", FieldType.NUMBER), {"a": 1}) is None


def test_an_indexed_string_must_fit_its_index() -> None:
    longest = "é" * (MAX_INDEXED_BYTES // 2)
    field = SchemaField("a", FieldType.STRING, index=True)
    assert value_fault(field, {"a": longest}) is None
    assert value_fault(field, {"a": longest + "x"}) is not None
    assert value_fault(SchemaField("a", FieldType.STRING), {"a": longest + "x"}) is None


@pytest.mark.parametrize("text", INSTANTS)
def test_points_in_time(text: str) -> None:
    assert is_instant(text)
    datetime.fromisoformat(text)


@pytest.mark.parametrize("text", NO_INSTANTS, ids=lambda text: text[:30])
def test_what_is_no_point_in_time(text: str) -> None:
    assert not is_instant(text)


SCHEMA = {"at": SchemaField("at", FieldType.DATETIME), "n": SchemaField("n", FieldType.NUMBER)}


def test_datetimes_are_compared_as_such_wherever_they_stand() -> None:
    condition = {"$or": [{"at": {"$gt": "2024-01-01"}}, {"$not": {"at": "2024-01-02", "n": 1}}]}
    assert with_types(parse_filter(condition), SCHEMA) == Or(
        (
            Condition(("at",), "$gt", "2024-01-01", as_instants=True),
            Not(
                And(
                    (
                        Condition(("at",), "$eq", "2024-01-02", as_instants=True),
                        Condition(("n",), "$eq", 1),
                    )
                )
            ),
        )
    )


def test_null_is_no_point_in_time() -> None:
    null = Condition(("at",), "$eq", None)
    assert with_types(parse_filter({"at": None}), SCHEMA) == null
    assert with_types(parse_filter({"at": {"$in": ["2024-01-01", None]}}), SCHEMA) == Or(
        (Condition(("at",), "$in", ("2024-01-01",), as_instants=True), null)
    )


@pytest.mark.parametrize("operand", ["soon", 1704067200, True, "2024-02-30"])
def test_a_datetime_is_compared_with_one(operand: Any) -> None:
    for given, place in (
        ({"$or": [{"n": 1}, {"at": {"$in": ["2024-01-01", operand]}}]}, "$or.1.at.$in.1"),
        ({"$not": {"at": operand}}, "$not.at"),
        ({"at": {"$not": {"$ne": operand}}}, "at.$not.$ne"),
    ):
        with pytest.raises(InvalidFilter) as refusal:
            with_types(parse_filter(given), SCHEMA)
        assert refusal.value.param == f"filter.{place}"
    parsed = parse_filter({"n": {"$prefix": "2024"}, "$or": [{"at": {"$exists": True}}]})
    assert with_types(parsed, SCHEMA) == parsed


@pytest.mark.parametrize("operator", ["$prefix", "$contains"])
def test_how_a_datetime_is_spelled_is_not_compared(operator: str) -> None:
    parsed = parse_filter({"$not": {"at": {operator: "2024-01-01"}}})
    with pytest.raises(InvalidFilter, match=r"takes \$eq, .* and \$exists") as refusal:
        with_types(parsed, SCHEMA)
    assert refusal.value.param == f"filter.$not.at.{operator}"
    assert with_types(parsed, SCHEMA, spelled=True) == parsed
