"""Parsing of metadata filters."""

import time
from typing import Any

import orjson
import pytest

from embeddings.constants import (
    MAX_FILTER_BYTES,
    MAX_FILTER_CONDITIONS,
    MAX_FILTER_DEPTH,
    MAX_FILTER_LIST,
)
from embeddings.exceptions import InvalidFilter
from embeddings.types.filter import And, Condition, Not, Or, parse_filter


def test_it_works() -> None:
    parsed = parse_filter({"year": {"$gte": 2020}, "lang": "en"})
    assert parsed == And((Condition(("year",), "$gte", 2020), Condition(("lang",), "$eq", "en")))
    assert "filter" not in repr(parsed)  # where it stands makes it no other filter


def test_paths_and_boolean_operators() -> None:
    parsed = parse_filter({"$or": [{"author.name": {"$in": ["Ada", None]}}, {"$and": [{"a": 1}]}]})
    assert parsed == Or(
        (
            Condition(("author", "name"), "$in", ("Ada", None)),
            And((Condition(("a",), "$eq", 1),)),
        )
    )


def test_negations_are_exact_complements() -> None:
    assert parse_filter({"a": {"$ne": 1}}) == Not(Condition(("a",), "$eq", 1))
    assert parse_filter({"a": {"$nin": [1]}}) == Not(Condition(("a",), "$in", (1,)))
    assert parse_filter({"a": {"$exists": False}}) == Not(Condition(("a",), "$exists", value=True))
    assert parse_filter({"a": {"$not": {"$gt": 3}}}) == Not(Condition(("a",), "$gt", 3))
    assert parse_filter({"$not": {"a": 1}}) == Not(Condition(("a",), "$eq", 1))


def test_a_dot_within_a_key_is_escaped() -> None:
    assert parse_filter({"a\\.b.c": 1}) == Condition(("a.b", "c"), "$eq", 1)


@pytest.mark.parametrize("key", ["शीर्षक", "re\u0301gion", "ชื่อ", "הֵן"])
def test_letters_bring_their_marks(key: str) -> None:
    assert parse_filter({key: 1}) == Condition((key,), "$eq", 1)


def test_operators_of_one_field_hold_together() -> None:
    parsed = parse_filter({"a": {"$gte": 1, "$not": {"$gt": 3}}})
    assert parsed == And((Condition(("a",), "$gte", 1), Not(Condition(("a",), "$gt", 3))))


def by_lists(depth: int) -> dict[str, Any]:
    return {"a": 1} if depth == 1 else {"$and": [by_lists(depth - 1)]}


def by_negation(depth: int) -> dict[str, Any]:
    return {"a": 1} if depth == 1 else {"$not": by_negation(depth - 1)}


def by_operators(depth: int) -> dict[str, Any]:
    condition: dict[str, Any] = {"$gt": 1}
    for _ in range(depth - 1):
        condition = {"$not": condition}
    return {"a": condition}


@pytest.mark.parametrize("nested", [by_lists, by_negation, by_operators])
def test_depth_is_limited(nested: Any) -> None:
    parse_filter(nested(MAX_FILTER_DEPTH))
    with pytest.raises(InvalidFilter, match="nests deeper"):
        parse_filter(nested(MAX_FILTER_DEPTH + 1))


@pytest.mark.parametrize(
    ("make", "limit", "reason"),
    [
        (lambda n: {"$or": [{"a": i} for i in range(n)]}, MAX_FILTER_CONDITIONS, "conditions"),
        (lambda n: {f"a{i}": i for i in range(n)}, MAX_FILTER_CONDITIONS, "conditions"),
        (lambda n: {"a": {"$in": list(range(n))}}, MAX_FILTER_LIST, "list of 1 to"),
        (lambda n: {"a": "é" * (n // 2 - 1) + "xx"[: n % 2 + 1]}, MAX_FILTER_BYTES, "bytes"),
    ],
)
def test_size_is_limited(make: Any, limit: int, reason: str) -> None:
    parse_filter(make(limit))
    with pytest.raises(InvalidFilter, match=reason):
        parse_filter(make(limit + 1))


HUGE = {
    "10,000 clauses": {"$or": [{"a": i} for i in range(10_000)]},
    "10,000 fields": {f"a{i}": {"$gt": i} for i in range(10_000)},
    "a list of 100,000": {"a": {"$in": list(range(100_000))}},
    "a key of 64 kB": {"a" * 65_536: 1},
    "a path of 64 kB": {"a." * 32_768 + "a": 1},
    "an operator of 64 kB": {"a": {"$" + "x" * 65_536: 1}},
    "a string of 1 MB": {"a": "x" * 1_000_000},
    "a prefix for a regular expression": {"a " * 120 + "\\": 1},
    "nested lists": orjson.loads(b'{"$and":[' * 400 + b'{"a":1}' + b"]}" * 400),
    "nested negations": orjson.loads(b'{"$not":' * 1_000 + b'{"a":1}' + b"}" * 1_000),
}


@pytest.mark.parametrize("value", HUGE.values(), ids=HUGE)
def test_what_is_huge_is_refused_at_once(value: Any) -> None:
    took = []
    for _ in range(3):  # into one of them may fall what else this process has to do
        started = time.thread_time()
        with pytest.raises(InvalidFilter) as refusal:
            parse_filter(value)
        took.append(time.thread_time() - started)
    assert min(took) < 0.05
    assert len(str(refusal.value.param)) < 300
    assert len(refusal.value.detail) < 500


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
        ({"a": {"$in": [["x"]]}}, "filter.a.$in.0"),
        ({"a": {"$in": ["x", {}]}}, "filter.a.$in.1"),
        ({"a": {"$nin": []}}, "filter.a.$nin"),
        ({"a": {"$in": list(range(MAX_FILTER_LIST + 1))}}, "filter.a.$in"),
        ({"a": {"$exists": 1}}, "filter.a.$exists"),
        ({"a": {"$exists": None}}, "filter.a.$exists"),
        ({"a": {"$prefix": 1}}, "filter.a.$prefix"),
        ({"a": {"$contains": ["x"]}}, "filter.a.$contains"),
        ({"a": {"$ne": {}}}, "filter.a.$ne"),
        ({"a": {"$not": 3}}, "filter.a.$not"),
        ({"a": {"$not": {}}}, "filter.a.$not"),
        ({"a": {"$not": {"$gt": None}}}, "filter.a.$not.$gt"),
        ({"a": {"b": 1}}, "filter.a"),
        ({"a": {"$regex": "(a+)+$"}}, "filter.a"),
        ({"$not": [{"a": 1}]}, "filter.$not"),
        ({"$or": [{"a": 1}, {"b": {"$lt": []}}]}, "filter.$or.1.b.$lt"),
        ({"$where": "1"}, "filter"),
        ({".a": 1}, "filter"),
        ({"a.": 1}, "filter"),
        ({".": 1}, "filter"),
        ({"a.$b": 1}, "filter"),
        ({'a"b': 1}, "filter"),
        ({"a\tb": 1}, "filter"),
        ({"a\n": 1}, "filter"),
        ({"a\\": 1}, "filter"),
        ({"a\\b": 1}, "filter"),
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
