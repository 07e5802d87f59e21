"""Predicates on metadata, parsed from JSON once: every later layer handles only valid ones."""

import json
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

from embeddings.constants import (
    MAX_FILTER_BYTES,
    MAX_FILTER_CONDITIONS,
    MAX_FILTER_DEPTH,
    MAX_FILTER_KEY_CHARS,
    MAX_FILTER_LIST,
)
from embeddings.exceptions import InvalidFilter
from embeddings.types.text import is_storable

Scalar = str | int | float | bool | None
Path = tuple[str, ...]

RANGE_OPERATORS = frozenset({"$gt", "$gte", "$lt", "$lte"})
OPERATORS = (
    *("$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin"),
    *("$exists", "$contains", "$prefix", "$not"),
)
NEGATED = {"$ne": "$eq", "$nin": "$in"}

STEP = r"[\w@](?:[\w@:/ -]|\\\.)*"
KEY_PATTERN = re.compile(rf"{STEP}(?:\.{STEP})*")
KEY_RULE = (
    "a key is a metadata field or a path such as author.name: letters with their marks, digits, "
    r"single _, -, :, /, @ or spaces, a dot within a name as \., at most "
    f"{MAX_FILTER_KEY_CHARS} characters."
)
SHOWN_CHARS = 40
"""How much of a key or an operator at fault an answer repeats."""


@dataclass(frozen=True, slots=True)
class Condition:
    """`path operator value`; `value` is a tuple of scalars for `$in`, else one scalar.
    `as_instants` compares ISO 8601 strings as the points in time that they name. `place` is where
    the request has it, which makes it no other condition.
    """

    path: Path
    operator: str
    value: Scalar | tuple[Scalar, ...]
    as_instants: bool = False
    place: str = field(default="filter", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class And:
    """All of the parts."""

    parts: "tuple[MetadataFilter, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of the parts."""

    parts: "tuple[MetadataFilter, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """Exactly what the part lets not through."""

    part: "MetadataFilter"


MetadataFilter = Condition | And | Or | Not

NOTHING: MetadataFilter = Or(())
"""Lets nothing through."""


@dataclass(slots=True)
class _Budget:
    """What a filter may still spend; counted as it is read, so that a huge one is not read on."""

    conditions: int = MAX_FILTER_CONDITIONS
    bytes: int = MAX_FILTER_BYTES

    def spend(self, *, param: str, text: str = "", conditions: int = 0) -> None:
        self.conditions -= conditions
        self.bytes -= len(text.encode())
        if self.conditions < 0:
            raise _invalid(param, f"it has more than {MAX_FILTER_CONDITIONS} conditions.")
        if self.bytes < 0:
            raise _invalid(param, f"its keys and values have more than {MAX_FILTER_BYTES} bytes.")


def parse_filter(value: Any, *, param: str = "filter") -> MetadataFilter:
    """The filter that the JSON value spells. Raises InvalidFilter, naming the place at fault."""
    return _object(value, param=param, depth=1, budget=_Budget())


@lru_cache(maxsize=1_000)
def json_filter(text: str, *, param: str = "row_filter") -> MetadataFilter:
    """parse_filter of a JSON text, such as the row filter of a credential."""
    return parse_filter(json.loads(text), param=param)


def parse_path(key: str) -> Path | None:
    r"""The steps of a path, where `\.` is a dot within a step; None when it is no path."""
    # The length first: no long text goes through the pattern.
    if len(key) > MAX_FILTER_KEY_CHARS or "__" in key or not KEY_PATTERN.fullmatch(_unmarked(key)):
        return None
    return tuple(step.replace("\\.", ".") for step in re.split(r"(?<!\\)\.", key))


def _unmarked(key: str) -> str:
    """Without vowel signs, accents and other marks, which the pattern's letters do not include."""
    return "".join(each for each in key if not unicodedata.category(each).startswith("M"))


def _object(value: Any, *, param: str, depth: int, budget: _Budget) -> MetadataFilter:
    _check_depth(depth, param)
    if not isinstance(value, dict) or not value:
        raise _invalid(
            param, 'send a JSON object with conditions, such as {"year": {"$gte": 2020}}.'
        )
    parts: list[MetadataFilter] = []
    for key, inner in value.items():
        place = f"{param}.{key}"[:200]
        if key in ("$and", "$or"):
            parts.append(_list(key, inner, param=place, depth=depth, budget=budget))
        elif key == "$not":
            parts.append(Not(_object(inner, param=place, depth=depth + 1, budget=budget)))
        else:
            path = _path(key, param=param, budget=budget)
            parts.append(_conditions(path, inner, param=place, depth=depth, budget=budget))
    return all_of(parts)


def _list(key: str, value: Any, *, param: str, depth: int, budget: _Budget) -> MetadataFilter:
    if not isinstance(value, list) or not value:
        raise _invalid(param, f"{key} takes a list of at least one filter.")
    parts = tuple(
        _object(item, param=f"{param}.{i}", depth=depth + 1, budget=budget)
        for i, item in enumerate(value)
    )
    return And(parts) if key == "$and" else Or(parts)


def _path(key: str, *, param: str, budget: _Budget) -> Path:
    if key.startswith("$"):
        raise _invalid(
            param, f"there is no operator {key[:SHOWN_CHARS]!a} here. Known: $and, $or, $not."
        )
    path = parse_path(key)
    if path is None:
        raise _invalid(param, f"the key {key[:SHOWN_CHARS]!a} is not usable; {KEY_RULE}")
    budget.spend(param=param, text=key)
    return path


def _conditions(
    path: Path, value: Any, *, param: str, depth: int, budget: _Budget
) -> MetadataFilter:
    if isinstance(value, list):
        raise _invalid(param, "compare a list by $in or $contains.")
    if not isinstance(value, dict):
        budget.spend(param=param, conditions=1)
        return Condition(path, "$eq", _scalar(value, param=param, budget=budget), place=param)
    if not value:
        raise _invalid(param, f"the condition is empty. Operators: {', '.join(OPERATORS)}.")
    parts: list[MetadataFilter] = []
    for operator, operand in value.items():
        if operator not in OPERATORS:
            raise _invalid(
                param,
                f"there is no operator {operator[:SHOWN_CHARS]!a}. Operators: "
                f"{', '.join(OPERATORS)}; an inner field is written as a path, a.b.",
            )
        place = f"{param}.{operator}"
        if operator == "$not":
            parts.append(_negation(path, operand, param=place, depth=depth, budget=budget))
        else:
            budget.spend(param=place, conditions=1)
            parts.append(_condition(path, operator, operand, param=place, budget=budget))
    return all_of(parts)


def _negation(
    path: Path, operand: Any, *, param: str, depth: int, budget: _Budget
) -> MetadataFilter:
    _check_depth(depth + 1, param)
    if not isinstance(operand, dict):
        raise _invalid(param, '$not takes an object of operators, such as {"$gt": 3}.')
    return Not(_conditions(path, operand, param=param, depth=depth + 1, budget=budget))


def _condition(
    path: Path, operator: str, operand: Any, *, param: str, budget: _Budget
) -> MetadataFilter:
    if operator in NEGATED:
        return Not(_condition(path, NEGATED[operator], operand, param=param, budget=budget))
    if operator == "$exists":
        if not isinstance(operand, bool):
            raise _invalid(param, "$exists takes true or false.")
        present = Condition(path, "$exists", value=True)
        return present if operand else Not(present)
    read: _Read = READERS.get(operator, _scalar)
    return Condition(path, operator, read(operand, param=param, budget=budget), place=param)


def _scalar(value: Any, *, param: str, budget: _Budget) -> Scalar:
    if isinstance(value, str):
        if not is_storable(value):
            raise _invalid(param, "the string holds NUL or a lone surrogate.")
        budget.spend(param=param, text=value)
        return value
    if isinstance(value, float) and not math.isfinite(value):
        raise _invalid(param, "NaN and infinities are not JSON.")
    if value is None or isinstance(value, int | float | bool):
        return value
    raise _invalid(param, "compare with a string, a number, true, false or null.")


def _scalars(value: Any, *, param: str, budget: _Budget) -> tuple[Scalar, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_FILTER_LIST:
        raise _invalid(param, f"send a list of 1 to {MAX_FILTER_LIST} values.")
    return tuple(_scalar(item, param=f"{param}.{i}", budget=budget) for i, item in enumerate(value))


def _bound(value: Any, *, param: str, budget: _Budget) -> Scalar:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _invalid(param, "a range compares with a number or a string.")
    return _scalar(value, param=param, budget=budget)


def _prefix(value: Any, *, param: str, budget: _Budget) -> Scalar:
    if not isinstance(value, str):
        raise _invalid(param, "$prefix takes a string.")
    return _scalar(value, param=param, budget=budget)


class _Read(Protocol):
    def __call__(
        self, value: Any, *, param: str, budget: _Budget
    ) -> Scalar | tuple[Scalar, ...]: ...


READERS: dict[str, _Read] = {
    "$in": _scalars,
    "$prefix": _prefix,
    **dict.fromkeys(RANGE_OPERATORS, _bound),
}


def _check_depth(depth: int, param: str) -> None:
    if depth > MAX_FILTER_DEPTH:
        raise _invalid(param, f"it nests deeper than {MAX_FILTER_DEPTH} levels.")


def all_of(parts: Sequence[MetadataFilter]) -> MetadataFilter:
    """What all of the parts, of which there is at least one, let through."""
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def any_of(parts: Sequence[MetadataFilter]) -> MetadataFilter:
    """What at least one of the parts, of which there is one, lets through."""
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


def _invalid(param: str, reason: str) -> InvalidFilter:
    return InvalidFilter(param=param, reason=reason)
