"""The declared fields of a collection's metadata, as rows of a table that can be changed."""

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from embeddings.constants import FieldType
from embeddings.models import Collection
from embeddings.types.metadata_schema import INDEXABLE, MAX_FIELDS, read_schema

EMPTY = {"was": "", "name": "", "type": FieldType.STRING.value, "index": False, "required": False}
Row = dict[str, Any]


def schema_rows(collection: Collection) -> list[Row]:
    """A row for each field; `was` is the name under which it is stored."""
    return [
        {
            "was": field.name,
            "name": field.name,
            "type": field.type.value,
            "index": field.index,
            "required": field.required,
            "state": field.state.value if field.index else "",
        }
        for field in read_schema(collection.metadata_schema).values()
    ]


class SchemaWidget(forms.Widget):
    """Rows of inputs named `<name>-<number>-<column>`; collections.js adds rows."""

    template_name = "console/schema_editor.html"

    class Media:
        js = ("console/collections.js",)

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        """With a row to begin with where there is none."""
        context: dict[str, Any] = super().get_context(name, value, attrs)
        return context | {
            "rows": list(enumerate(value or [EMPTY])),
            "added": EMPTY,
            "types": [each.value for each in FieldType],
            "indexable": ", ".join(sorted(INDEXABLE)),
        }

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[Row]:
        """The rows as they were sent, in the order of their numbers."""
        pattern = re.compile(rf"{re.escape(name)}-([0-9]{{1,6}})-name")
        numbers = sorted(int(found[1]) for key in data if (found := pattern.fullmatch(key)))

        def cell(number: int, column: str) -> str:
            return str(data.get(f"{name}-{number}-{column}", ""))

        return [
            {column: cell(number, column) for column in ("was", "name", "type")}
            | {column: bool(cell(number, column)) for column in ("index", "required", "remove")}
            for number in numbers[: 2 * MAX_FIELDS]
        ]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """Never: without a row nothing is declared."""
        return False


class SchemaField(forms.Field):
    """The rows as the API takes a schema: what changes, and null for what goes. What somebody else
    declared meanwhile stays.
    """

    widget = SchemaWidget

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)

    def clean(self, value: list[Row]) -> dict[str, Any]:
        """Raises ValidationError."""
        declared: dict[str, Any] = {}
        gone: set[str] = set()
        for row in value:
            was = row["was"]
            name = row["name"] if row["name"] == was else row["name"].strip()
            if row["remove"] or not name:
                if was and not row["remove"]:
                    raise ValidationError(f"Name the field that was {was}, or tick Remove.")
                gone |= {was} - {""}
                continue
            if name in declared:
                raise ValidationError(f"The field {name} is declared twice.")
            declared[name] = {key: row[key] for key in ("type", "index", "required")}
            gone |= {was} - {"", name}
        return dict.fromkeys(gone - declared.keys()) | declared

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether a row says something else than the stored field."""
        columns = EMPTY.keys()

        def told(rows: Any) -> list[Mapping[str, Any]]:
            return [{key: row[key] for key in columns} for row in rows or () if row["name"]]

        removed = any(row.get("remove") for row in data or ())
        return removed or told(initial) != told(data)
