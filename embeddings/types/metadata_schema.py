"""The declared fields of a collection's metadata: what they hold, and which values conform."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from embeddings.constants import FieldType, IndexState
from embeddings.exceptions import InvalidFilter, InvalidMetadataSchema
from embeddings.types.filter import (
    KEY_RULE,
    RANGE_OPERATORS,
    SHOWN_CHARS,
    And,
    Condition,
    MetadataFilter,
    Not,
    Or,
    Path,
    parse_path,
)

MAX_FIELDS = 64
INDEXABLE = frozenset({FieldType.STRING, FieldType.NUMBER, FieldType.DATETIME})
MAX_INDEXED_BYTES = 2_000
"""A B-tree takes up to 2,704 bytes of a value, and more only if they can be compressed."""

TYPES = ", ".join(field_type.value for field_type in FieldType)
INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?"
    r"(Z|[+-](0\d|1[0-4])(:?[0-5]\d)?)?)?",
    re.ASCII,
)
"""As metadata_instant in the migrations."""


@dataclass(frozen=True, slots=True)
class SchemaField:
    """A declared field; `state` is its index's."""

    name: str
    type: FieldType
    index: bool = False
    required: bool = False
    state: IndexState = IndexState.NONE

    @property
    def path(self) -> Path:
        """Where a document's metadata has it."""
        path = parse_path(self.name)
        if path is None:
            raise ValueError(self.name)
        return path

    def as_json(self) -> dict[str, Any]:
        """As it is stored; what read_schema reads."""
        return {
            "type": self.type.value,
            "index": self.index,
            "required": self.required,
            "state": self.state.value,
        }


MetadataSchema = dict[str, SchemaField]
SchemaChange = Mapping[str, SchemaField | None]
"""Fields to declare, by name; None for one that is to be removed."""


def read_schema(stored: Mapping[str, Any]) -> MetadataSchema:
    """The fields by name, of what a collection stores."""
    return {
        name: SchemaField(
            name=name,
            type=FieldType(field["type"]),
            index=field["index"],
            required=field["required"],
            state=IndexState(field["state"]),
        )
        for name, field in stored.items()
    }


def parse_schema(value: Any, *, param: str) -> SchemaChange:
    """The fields that the JSON value declares or, by null, removes.

    Raises InvalidMetadataSchema, naming the place at fault.
    """
    if not isinstance(value, dict):
        raise _invalid(param, 'send a JSON object such as {"year": "number"}.')
    if len(value) > MAX_FIELDS:
        raise _invalid(param, f"it has more than {MAX_FIELDS} fields.")
    return {name: _field(name, field, param=param) for name, field in value.items()}


def _field(name: str, value: Any, *, param: str) -> SchemaField | None:
    if parse_path(name) is None:
        raise _invalid(param, f"the field {name[:SHOWN_CHARS]!a} is not usable; {KEY_RULE}")
    place = f"{param}.{name}"
    if value is None:
        return None
    settings = {"type": value} if isinstance(value, str) else value
    if not isinstance(settings, dict) or "type" not in settings:
        raise _invalid(place, f"send a type ({TYPES}), or an object with type, index, required.")
    for key, setting in settings.items():
        if key not in ("type", "index", "required"):
            raise _invalid(
                place, f"there is no {key[:SHOWN_CHARS]!a}. Known: type, index, required."
            )
        if key != "type" and not isinstance(setting, bool):
            raise _invalid(f"{place}.{key}", "send true or false.")
    if settings["type"] not in list(FieldType):
        raise _invalid(f"{place}.type", f"choose one of: {TYPES}.")
    field = SchemaField(name=name, **{**settings, "type": FieldType(settings["type"])})
    if field.index and field.type not in INDEXABLE:
        raise _invalid(
            f"{place}.index",
            "an index serves ranges, of a string, number or datetime; equality and $contains are"
            " served without one.",
        )
    return field


def value_fault(field: SchemaField, metadata: Mapping[str, Any]) -> str | None:
    """Why the metadata breaks the field's declaration, as the end of a sentence; None where it
    conforms. A field may be absent or null unless it is required.
    """
    value: Any = metadata
    for step in field.path:
        value = value.get(step) if isinstance(value, dict) else None
    if value is None:
        return "is required" if field.required else None
    if not _conforms(value, field.type):
        if field.type == FieldType.DATETIME:
            return "is no datetime: write ISO 8601, such as 2026-11-22 or 2026-11-22T09:30:00+01:00"
        return f"is no {field.type.value}"
    if field.index and isinstance(value, str) and len(value.encode()) > MAX_INDEXED_BYTES:
        return f"has more than {MAX_INDEXED_BYTES} bytes, too many for its index"
    return None


def _conforms(value: Any, field_type: FieldType) -> bool:
    match field_type:
        case FieldType.STRING:
            return isinstance(value, str)
        case FieldType.NUMBER:
            return isinstance(value, int | float) and not isinstance(value, bool)
        case FieldType.BOOLEAN:
            return isinstance(value, bool)
        case FieldType.DATETIME:
            return isinstance(value, str) and is_instant(value)
        case FieldType.STRINGS:
            return isinstance(value, list) and all(isinstance(item, str) for item in value)


def is_instant(text: str) -> bool:
    """Whether it is an ISO 8601 date, or one with a time; without an offset it is UTC."""
    if len(text) > 40 or not INSTANT.fullmatch(text):
        return False
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True


def with_types(
    metadata_filter: MetadataFilter, schema: MetadataSchema, *, spelled: bool = False
) -> MetadataFilter:
    """The filter with conditions on datetimes compared as such. Raises InvalidFilter where one
    compares with what is no datetime or, unless `spelled`, how a datetime is spelled.
    """
    instants = {field.path for field in schema.values() if field.type == FieldType.DATETIME}
    return _typed(metadata_filter, instants, spelled=spelled) if instants else metadata_filter


def _typed(
    metadata_filter: MetadataFilter, instants: set[Path], *, spelled: bool
) -> MetadataFilter:
    match metadata_filter:
        case And(parts):
            return And(tuple(_typed(part, instants, spelled=spelled) for part in parts))
        case Or(parts):
            return Or(tuple(_typed(part, instants, spelled=spelled) for part in parts))
        case Not(part):
            return Not(_typed(part, instants, spelled=spelled))
        case Condition(path, operator) if path in instants:
            if operator in COMPARED:
                return _as_instants(metadata_filter)
            if operator != "$exists" and not spelled:
                raise InvalidFilter(
                    param=metadata_filter.place,
                    reason="the field is declared as datetime, which takes $eq, $ne, $in, $nin,"
                    " $gt, $gte, $lt, $lte and $exists.",
                )
    return metadata_filter


COMPARED = RANGE_OPERATORS | {"$eq", "$in"}


def _as_instants(condition: Condition) -> MetadataFilter:
    value = condition.value
    values = value if isinstance(value, tuple) else (value,)
    for index, item in enumerate(values):
        if item is not None and not (isinstance(item, str) and is_instant(item)):
            raise InvalidFilter(
                param=f"{condition.place}.{index}" if item is not value else condition.place,
                reason="the field is declared as datetime. Compare it with an ISO 8601 string, such"
                " as 2026-11-22 or 2026-11-22T09:30:00+01:00.",
            )
    # null is no point in time, and equals null only.
    named = tuple(item for item in values if item is not None)
    parts: list[MetadataFilter] = []
    if named:
        parts.append(
            replace(
                condition, value=named if isinstance(value, tuple) else named[0], as_instants=True
            )
        )
    if len(named) < len(values):
        parts.append(Condition(condition.path, "$eq", None))
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


def _invalid(param: str, reason: str) -> InvalidMetadataSchema:
    return InvalidMetadataSchema(param=param[:200], reason=reason)
