"""Parsing of metadata filters."""

from typing import Any

import pytest

from embeddings.constants import MAX_FILTER_CONDITIONS, MAX_FILTER_DEPTH
from embeddings.exceptions import InvalidFilter
from embeddings.types.filter import And, Condition, Or, parse_filter


def test_it_works() -> None:
    parsed = parse_filter({"year": {"$gte": 2020}, "lang": "en"})
    assert parsed == And((Condition(("year",), "$gte", 2020), Condition(("lang",), "$eq", "en")))


def test_paths_and_boolean_operators() -> None:
    parsed = parse_filter({"$or": [{"author.name": {"$in": ["Ada", None]}}, {"$and": [{"a": 1}]}]})
    assert parsed == Or(
        (
            Condition(("author", "name"), "$in", ("Ada", None)),
            And((Condition(("a",), "$eq", 1),)),
        )
    )


def nested(depth: int) -> dict[str, Any]:
    return {"a": 1} if depth == 1 else {"$and": [nested(depth - 1)]}


def test_depth_is_limited() -> None:
    parse_filter(nested(MAX_FILTER_DEPTH))
    with pytest.raises(InvalidFilter):
        parse_filter(nested(MAX_FILTER_DEPTH + 1))


def test_size_is_limited() -> None:
    parse_filter({"$or": [{"a": i} for i in range(MAX_FILTER_CONDITIONS)]})
    with pytest.raises(InvalidFilter):
        parse_filter({"$or": [{"a": i} for i in range(MAX_FILTER_CONDITIONS + 1)]})


@pytest.mark.parametrize(
    ("value", "param"),
    [
        ([], "filter"),
        ({}, "filter"),
        ("a", "filter"),
        ({"$or": []}, "filter.$or"),
        ({"$or": {"a": 1}}, "filter.$or"),
        ({"$nor": [{"a": 1}]}, "filter"),
        ({"a": {}}, "filter.a"),
        ({"a": {"$like": "x"}}, "filter.a"),
        ({"a": {"$in": []}}, "filter.a.$in"),
        ({"a": {"$in": "x"}}, "filter.a.$in"),
        ({"a": {"$in": [["x"]]}}, "filter.a.$in"),
        ({"a": {"$gt": True}}, "filter.a.$gt"),
        ({"a": {"$gt": None}}, "filter.a.$gt"),
        ({"a": ["x"]}, "filter.a"),
        ({"a": "\x00"}, "filter.a"),
        ({"a": "\ud800"}, "filter.a"),
        ({"a": float("nan")}, "filter.a"),
        ({"": 1}, "filter"),
        ({"a..b": 1}, "filter"),
        ({"a" * 300: 1}, "filter"),
        ({"name__icontains": "x"}, "filter"),
        ({"a' OR '1'='1": "x"}, "filter"),
        ({"a); DROP TABLE documents; --": "x"}, "filter"),
        ({"\ud800": 1}, "filter"),
    ],
)
def test_malformed_filters_name_the_place(value: Any, param: str) -> None:
    with pytest.raises(InvalidFilter) as refusal:
        parse_filter(value)
    assert refusal.value.param == param
