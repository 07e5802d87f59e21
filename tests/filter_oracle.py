"""What a filter lets through, in plain Python: the meaning that the SQL is tested against."""

import operator
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

ABSENT = object()
COMPARISONS = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def matches(condition: dict[str, Any], metadata: dict[str, Any], datetimes: set[str]) -> bool:
    """Whether the filter lets the metadata through; `datetimes` are the fields declared so."""
    for key, value in condition.items():
        if key == "$and":
            holds = all(matches(part, metadata, datetimes) for part in value)
        elif key == "$or":
            holds = any(matches(part, metadata, datetimes) for part in value)
        elif key == "$not":
            holds = not matches(value, metadata, datetimes)
        else:
            holds = field_matches(value, at(metadata, key), as_instants=key in datetimes)
        if not holds:
            return False
    return True


def at(metadata: Any, key: str) -> Any:
    """What the path leads to, through objects only."""
    for step in re.split(r"(?<!\\)\.", key):
        name = step.replace("\\.", ".")
        if not isinstance(metadata, dict) or name not in metadata:
            return ABSENT
        metadata = metadata[name]
    return metadata


def field_matches(condition: Any, value: Any, *, as_instants: bool) -> bool:
    if not isinstance(condition, dict):
        condition = {"$eq": condition}
    return all(
        operator_matches(name, operand, value, as_instants=as_instants)
        for name, operand in condition.items()
    )


def operator_matches(name: str, operand: Any, value: Any, *, as_instants: bool) -> bool:
    match name:
        case "$not":
            return not field_matches(operand, value, as_instants=as_instants)
        case "$eq":
            return equal(value, operand, as_instants=as_instants)
        case "$ne":
            return not equal(value, operand, as_instants=as_instants)
        case "$in":
            return any(equal(value, item, as_instants=as_instants) for item in operand)
        case "$nin":
            return not any(equal(value, item, as_instants=as_instants) for item in operand)
        case "$exists":
            return (value is not ABSENT) is operand
        case "$contains":
            return isinstance(value, list) and any(same(item, operand) for item in value)
        case "$prefix":
            return isinstance(value, str) and value.startswith(operand)
    return in_range(name, operand, value, as_instants=as_instants)


def equal(value: Any, operand: Any, *, as_instants: bool) -> bool:
    """The value, or an element of it where it is an array."""
    if as_instants and isinstance(operand, str):
        return isinstance(value, str) and instant(value) == instant(operand)
    if isinstance(value, list):
        return any(same(item, operand) for item in value)
    return same(value, operand)


def same(value: Any, operand: Any) -> bool:
    """As JSON compares: true is not 1, and 1 is 1.0."""
    if is_number(value) and is_number(operand):
        return number(value) == number(operand)
    return type(value) is type(operand) and bool(value == operand)


def in_range(name: str, operand: Any, value: Any, *, as_instants: bool) -> bool:
    compare = COMPARISONS[name]
    if isinstance(value, str) and isinstance(operand, str):
        if as_instants:
            return bool(compare(instant(value), instant(operand)))
        return bool(compare([ord(c) for c in value], [ord(c) for c in operand]))
    if is_number(value) and is_number(operand):
        return bool(compare(number(value), number(operand)))
    return False


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(value: float) -> Decimal:
    """As JSON spells it."""
    return Decimal(repr(value))


def instant(text: str) -> datetime:
    """Without an offset it is UTC."""
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
