"""An uploaded stream of CSV, as the lines of JSON that imports are kept in."""

import codecs
import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson

from embeddings.constants import FieldType
from embeddings.exceptions import UnreadableImport
from embeddings.readers.files import CSV_FIELD_BYTES, refuse_repeated, table_row
from embeddings.readers.rows import Row
from embeddings.types.csv_columns import CsvColumns

FieldTypes = Mapping[str, FieldType]


def csv_as_json_lines(
    pieces: Iterable[bytes],
    *,
    columns: CsvColumns | None,
    field_types: FieldTypes,
    max_line_bytes: int,
) -> Iterator[bytes]:
    """A line for each row: the document, or a string that says what is wrong with the row.

    Raises UnreadableImport.
    """
    for row in csv_rows(
        pieces, columns=columns, field_types=field_types, max_line_bytes=max_line_bytes
    ):
        yield orjson.dumps(row.raw if row.fault is None else row.fault) + b"\n"


def csv_rows(
    pieces: Iterable[bytes],
    *,
    columns: CsvColumns | None,
    field_types: FieldTypes,
    max_line_bytes: int,
) -> Iterator[Row]:
    """The rows behind the header, in the words of the API; without `columns` those of the header
    are taken by their names. Cells of declared fields become values of the field's type where they
    spell one. Raises UnreadableImport.
    """
    reader, header = read_header(pieces, max_line_bytes=max_line_bytes)
    missing = (columns or CsvColumns(text="text")).missing_in(header)
    if missing:
        raise UnreadableImport(reason=f"its header has no column named {missing[0]}.")
    with _readable():
        for number, cells in enumerate(reader, 1):
            if len(cells) != len(header):
                yield Row(number, fault="The row has not as many cells as the header.")
                continue
            named = dict(zip(header, cells, strict=True))
            row = table_row(number, named) if columns is None else _chosen(number, named, columns)
            yield _typed(row, field_types)


def read_header(
    pieces: Iterable[bytes], *, max_line_bytes: int
) -> tuple[Iterator[list[str]], list[str]]:
    """The rows, blank lines left out, and before them the names of the columns. Raises
    UnreadableImport.
    """
    csv.field_size_limit(CSV_FIELD_BYTES)
    reader = _rows(_lines(pieces, max_line_bytes=max_line_bytes), max_chars=max_line_bytes)
    with _readable():
        header = next(reader, None)
    if header is None:
        raise UnreadableImport(reason="it is empty. Send a header and rows below it.")
    refuse_repeated(header)
    return reader, header


def _chosen(number: int, cells: dict[str, str], columns: CsvColumns) -> Row:
    raw: dict[str, Any] = {"text": cells[columns.text]}
    if columns.id is not None and cells[columns.id]:
        raw["id"] = cells[columns.id]
    names = columns.metadata
    if names is None:
        names = tuple(name for name in cells if name not in (columns.text, columns.id))
    raw["metadata"] = {name: cells[name] for name in names if cells[name]}
    return Row(number, raw=raw)


def _typed(row: Row, field_types: FieldTypes) -> Row:
    if row.fault is not None or not isinstance(row.raw.get("metadata"), dict):
        return row
    metadata = {
        name: _value(value, field_types.get(name)) for name, value in row.raw["metadata"].items()
    }
    return Row(row.number, raw={**row.raw, "metadata": metadata})


def _value(cell: Any, field_type: FieldType | None) -> Any:
    """What the cell spells; itself where that is nothing of the type, so that it is refused as
    such a document is.
    """
    expected = _SPELLED.get(field_type) if field_type is not None else None
    if expected is None or not isinstance(cell, str):
        return cell
    try:
        value = orjson.loads(cell.strip().lower() if expected is bool else cell)
    except orjson.JSONDecodeError:
        return cell
    if isinstance(value, float) and not math.isfinite(value):
        return cell
    is_spelled = isinstance(value, expected) and (expected is bool) == isinstance(value, bool)
    return value if is_spelled else cell


_SPELLED: dict[FieldType, Any] = {
    FieldType.NUMBER: int | float,
    FieldType.BOOLEAN: bool,
    FieldType.STRINGS: list,
}


def _rows(lines: Iterator[str], *, max_chars: int) -> Iterator[list[str]]:
    """Rows that have cells. Each cell may have a line of its own, so that a row without an end
    would fill the memory, however short its lines are.
    """
    read = 0

    def counted() -> Iterator[str]:
        nonlocal read
        for line in lines:
            read += len(line)
            if read > max_chars:
                raise UnreadableImport(reason=f"it has a row of more than {max_chars} characters.")
            yield line

    for cells in csv.reader(counted(), strict=True):
        read = 0
        if cells:
            yield cells


def _lines(pieces: Iterable[bytes], *, max_line_bytes: int) -> Iterator[str]:
    # Spreadsheets put a byte order mark in front.
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    rest = ""
    for piece in pieces:
        *lines, rest = (rest + decoder.decode(piece)).split("\n")
        for line in lines:
            yield line + "\n"
        if len(rest) > max_line_bytes:
            raise UnreadableImport(reason=f"it has a line of more than {max_line_bytes} bytes.")
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError:
        raise UnreadableImport(reason="it is not UTF-8.") from None
    except csv.Error as error:
        raise UnreadableImport(reason=f"it is no well-formed CSV: {error}.") from None
