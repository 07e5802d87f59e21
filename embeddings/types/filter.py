"""Predicates on metadata, parsed from JSON once: every later layer handles only valid ones."""

import math
import re
from dataclasses import dataclass
from typing import Any

from embeddings.constants import (
    MAX_FILTER_CONDITIONS,
    MAX_FILTER_DEPTH,
    MAX_FILTER_KEY_CHARS,
)
from embeddings.exceptions import InvalidFilter
from embeddings.types.text import is_storable

Scalar = str | int | float | bool | None

RANGE_OPERATORS = frozenset({"$gt", "$gte", "$lt", "$lte"})
OPERATORS = ("$eq", "$in", "$gt", "$gte", "$lt", "$lte")
KEY_PATTERN = re.compile(r"[\w@][\w@:/ -]*(\.[\w@][\w@:/ -]*)*")


@dataclass(frozen=True, slots=True)
class Condition:
    """`path operator value`; `value` is a tuple of scalars for `$in`, else one scalar."""

    path: tuple[str, ...]
    operator: str
    value: Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class And:
    """All of the parts; true when there are none."""

    parts: "tuple[MetadataFilter, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of the parts."""

    parts: "tuple[MetadataFilter, ...]"


MetadataFilter = Condition | And | Or


def parse_filter(value: Any, *, param: str = "filter") -> MetadataFilter:
    """The filter that the JSON value spells. Raises InvalidFilter, naming the place at fault."""
    parsed = _parse_object(value, param=param, depth=1)
    if _size(parsed) > MAX_FILTER_CONDITIONS:
        raise _invalid(param, f"it has more than {MAX_FILTER_CONDITIONS} conditions.")
    return parsed


def _parse_object(value: Any, *, param: str, depth: int) -> MetadataFilter:
    if depth > MAX_FILTER_DEPTH:
        raise _invalid(param, f"it nests deeper than {MAX_FILTER_DEPTH} levels.")
    if not isinstance(value, dict) or not value:
        raise _invalid(
            param, 'send a JSON object with conditions, such as {"year": {"$gte": 2020}}.'
        )
    parts: list[MetadataFilter] = []
    for key, inner in value.items():
        place = f"{param}.{key}"[:200]
        if key in ("$and", "$or"):
            parts.append(_parse_list(key, inner, param=place, depth=depth))
        else:
            parts.extend(_parse_conditions(_parse_path(key, param=param), inner, param=place))
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _parse_list(key: str, value: Any, *, param: str, depth: int) -> MetadataFilter:
    if not isinstance(value, list) or not value:
        raise _invalid(param, f"{key} takes a list of at least one filter.")
    parts = tuple(
        _parse_object(item, param=f"{param}.{i}", depth=depth + 1) for i, item in enumerate(value)
    )
    return And(parts) if key == "$and" else Or(parts)


def _parse_path(key: str, *, param: str) -> tuple[str, ...]:
    if key.startswith("$"):
        raise _invalid(param, f"there is no operator {key[:40]} here. Known: $and, $or.")
    if len(key) > MAX_FILTER_KEY_CHARS or "__" in key or not KEY_PATTERN.fullmatch(key):
        raise _invalid(
            param,
            "a key is a metadata field or a path such as author.name: letters, digits, single _, "
            f"-, :, /, @ or spaces, at most {MAX_FILTER_KEY_CHARS} characters.",
        )
    return tuple(key.split("."))


def _parse_conditions(path: tuple[str, ...], value: Any, *, param: str) -> list[MetadataFilter]:
    if not isinstance(value, dict):
        return [Condition(path, "$eq", _scalar(value, param=param))]
    if not value:
        raise _invalid(param, f"the condition is empty. Operators: {', '.join(OPERATORS)}.")
    return [_condition(path, operator, operand, param=param) for operator, operand in value.items()]


def _condition(path: tuple[str, ...], operator: str, operand: Any, *, param: str) -> Condition:
    if operator not in OPERATORS:
        raise _invalid(
            param, f"there is no operator {operator[:40]}. Operators: {', '.join(OPERATORS)}."
        )
    place = f"{param}.{operator}"
    if operator == "$in":
        if not isinstance(operand, list) or not 0 < len(operand) <= MAX_FILTER_CONDITIONS:
            raise _invalid(place, f"$in takes a list of 1 to {MAX_FILTER_CONDITIONS} values.")
        return Condition(path, operator, tuple(_scalar(item, param=place) for item in operand))
    scalar = _scalar(operand, param=place)
    if operator in RANGE_OPERATORS and (scalar is None or isinstance(scalar, bool)):
        raise _invalid(place, "a range compares with a number or a string.")
    return Condition(path, operator, scalar)


def _scalar(value: Any, *, param: str) -> Scalar:
    if isinstance(value, float) and not math.isfinite(value):
        raise _invalid(param, "NaN and infinities are not JSON.")
    if isinstance(value, str) and not is_storable(value):
        raise _invalid(param, "the string holds NUL or a lone surrogate.")
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise _invalid(param, "compare with a string, a number, true, false or null.")


def _size(parsed: MetadataFilter) -> int:
    if isinstance(parsed, Condition):
        return len(parsed.value) if isinstance(parsed.value, tuple) else 1
    return sum(_size(part) for part in parsed.parts)


def _invalid(param: str, reason: str) -> InvalidFilter:
    return InvalidFilter(param=param, reason=reason)
