"""What every reader yields: numbered rows, readable or not."""

from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the input. `number` counts from 1; `fault` says why it can't be read."""

    number: int
    raw: Any = None
    fault: str | None = None


def parse_line(number: int, line: bytes) -> Row | None:
    """The row on a line of JSON; None for a blank line."""
    if not line.strip():
        return None
    try:
        return Row(number, raw=orjson.loads(line))
    except orjson.JSONDecodeError as error:
        return Row(number, fault=f"The line is not valid JSON; see character {error.pos + 1}.")


def document_row(number: int, raw: Any) -> Row:
    """The row with BEIR's `_id` and `title` in their places."""
    if not isinstance(raw, dict):
        return Row(number, raw=raw)
    row = dict(raw)
    if "_id" in row:
        if "id" in row:
            return Row(number, fault="The row has both id and _id.")
        row["id"] = row.pop("_id")
    if type(row.get("id")) is int:
        row["id"] = str(row["id"])  # a column of numbers is a customary key
    title = row.pop("title", None)
    if title is not None and not isinstance(title, str):
        return Row(number, fault="The title is not a string.")
    if title and isinstance(row.get("text"), str):
        row["text"] = f"{title}\n{row['text']}"
    return Row(number, raw=row)


def document_lines(content: bytes) -> bytes:
    """The lines of JSON, those of documents as `document_row` has them. What can't be read stays
    as it is.
    """
    return b"\n".join([_document_line(line) for line in content.split(b"\n")])


def _document_line(line: bytes) -> bytes:
    given = parse_line(0, line)
    if given is None or given.fault:
        return line
    row = document_row(0, given.raw)
    if row.fault or row.raw == given.raw:
        return line
    try:
        return orjson.dumps(row.raw)
    except orjson.JSONEncodeError:  # nested deeper than orjson writes, or any document may be
        return line
