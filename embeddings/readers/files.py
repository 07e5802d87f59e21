"""Files of documents, one row after the other: JSON lines, CSV and Parquet, the first two with gzip
too.

Rows come in the words of the API: `id`, `text`, `metadata`, `embedding`. A title goes before the
text; columns of a table that have no meaning of their own become metadata.
"""

import csv
import gzip
import io
import zlib
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from embeddings.exceptions import UnreadableImport
from embeddings.readers.parquet import count_parquet, read_parquet
from embeddings.readers.rows import Row, document_row, parse_line

CSV_FIELD_BYTES = 16 * 1024 * 1024
"""Python's own limit of 128 KiB is less than a long text."""

KNOWN_COLUMNS = ("_id", "id", "title", "text", "metadata", "embedding")


@dataclass(frozen=True, slots=True)
class Format:
    """How a kind of file is read: its rows behind a number of them, and how many there are."""

    rows: Callable[[Path, int], Iterator[Row]]
    count: Callable[[Path], int]


def file_format(path: Path) -> Format:
    """The format that the file's name tells. Raises UnreadableImport."""
    name = path.name.lower().removesuffix(".gz")
    for endings, known in FORMATS.items():
        if name.endswith(endings) and not (known is PARQUET and path.name.lower().endswith(".gz")):
            return known
    raise UnreadableImport(
        reason="its name must end in .jsonl, .ndjson, .csv (each also with .gz) or .parquet."
    )


def table_row(number: int, columns: dict[str, Any]) -> Row:
    """The row of a table: empty cells are left out, unknown columns become metadata."""
    filled = {
        name: value
        for name, value in columns.items()
        if value is not None and (value != "" or name == "text")
    }
    for name in ("metadata", "embedding"):
        if isinstance(filled.get(name), str):
            try:
                filled[name] = orjson.loads(filled[name])
            except orjson.JSONDecodeError:
                return Row(number, fault=f"The column {name} is not valid JSON.")
    metadata = filled.pop("metadata", {})
    if isinstance(metadata, dict):
        others = {name: value for name, value in filled.items() if name not in KNOWN_COLUMNS}
        metadata = {**others, **metadata}
    row = {name: value for name, value in filled.items() if name in KNOWN_COLUMNS}
    return document_row(number, {**row, "metadata": metadata} if metadata else row)


def _jsonl_rows(path: Path, after: int) -> Iterator[Row]:
    with _opened(path) as stream:
        for number, given in enumerate(stream, 1):
            line = given.removeprefix(BOM_UTF8) if number == 1 else given
            row = parse_line(number, line) if number > after else None
            if row is not None:
                yield row if row.fault else document_row(number, row.raw)


def _jsonl_count(path: Path) -> int:
    with _opened(path) as stream:
        return sum(1 for _ in stream)


def _csv_rows(path: Path, after: int) -> Iterator[Row]:
    with _opened(path) as stream:
        for number, columns in enumerate(_csv_reader(stream), 1):
            if number <= after:
                continue
            if None in columns or None in columns.values():
                yield Row(number, fault="The row has not as many cells as the header.")
            else:
                yield table_row(number, columns)


def _csv_count(path: Path) -> int:
    with _opened(path) as stream:
        return sum(1 for _ in _csv_reader(stream))


def _csv_reader(stream: IO[bytes]) -> Iterator[dict[Any, Any]]:
    csv.field_size_limit(CSV_FIELD_BYTES)
    # Spreadsheets put a byte order mark in front.
    with io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as text:
        reader = csv.DictReader(text, strict=True)
        refuse_repeated(reader.fieldnames or ())
        if "text" not in (reader.fieldnames or ()):
            raise UnreadableImport(reason="its header has no column named text.")
        yield from reader


def refuse_repeated(header: Sequence[str]) -> None:
    """Raises UnreadableImport for a column that is there twice, and would be lost once."""
    for name, count in Counter(header).items():
        if count > 1:
            raise UnreadableImport(reason=f"its header names the column {name!r} twice.")


def _parquet_rows(path: Path, after: int) -> Iterator[Row]:
    for number, columns in enumerate(read_parquet(path, after=after), after + 1):
        yield table_row(number, columns)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The plain bytes. Raises UnreadableImport for what turns out not to be what it is called."""
    opener = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opener(path, "rb") as stream:
            yield stream  # type: ignore[misc]  # both opened for reading bytes
    except (gzip.BadGzipFile, zlib.error, EOFError):
        raise UnreadableImport(reason="it is no whole gzip file.") from None
    except UnicodeDecodeError:
        raise UnreadableImport(reason="it is not UTF-8.") from None
    except csv.Error as error:
        raise UnreadableImport(reason=f"it is no well-formed CSV: {error}.") from None
    except OSError as error:
        raise UnreadableImport(reason=f"{error.strerror}.") from None


JSONL = Format(rows=_jsonl_rows, count=_jsonl_count)
CSV = Format(rows=_csv_rows, count=_csv_count)
PARQUET = Format(rows=_parquet_rows, count=count_parquet)
FORMATS: dict[tuple[str, ...], Format] = {
    (".jsonl", ".ndjson"): JSONL,
    (".csv",): CSV,
    (".parquet",): PARQUET,
}
