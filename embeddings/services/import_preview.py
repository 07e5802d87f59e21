"""What the first rows of a file would become, before it is imported."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from django.conf import settings

from accounts.exceptions import Problem
from embeddings.exceptions import UnreadableImport
from embeddings.models import Collection
from embeddings.readers.csv_upload import csv_rows, read_header
from embeddings.readers.files import KNOWN_COLUMNS
from embeddings.readers.json_upload import first_elements
from embeddings.readers.rows import Row, document_row, parse_line
from embeddings.readers.upload import unpack
from embeddings.services.import_batches import read_document
from embeddings.services.imports import Kind, field_types
from embeddings.types.csv_columns import CsvColumns
from embeddings.types.document import DocumentInput

ROWS = 8
UNPACKED_BYTES = 1024 * 1024
"""Looked at, of a file that unpacks to much more."""


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """The document, or why the row would be refused."""

    number: int
    document: DocumentInput | None = None
    fault: str = ""

    @property
    def metadata(self) -> str:
        """As JSON."""
        given = self.document.metadata if self.document else {}
        return json.dumps(given, ensure_ascii=False) if given else ""


@dataclass(frozen=True, slots=True)
class Preview:
    """The first rows, none where not even one is whole; of CSV the names of the columns, too, and
    which of them are what.
    """

    rows: list[PreviewRow]
    header: Sequence[str] = ()
    columns: CsvColumns | None = None

    @property
    def metadata_columns(self) -> Sequence[str]:
        """Those that become metadata."""
        if self.columns is None:
            return [name for name in self.header if name not in KNOWN_COLUMNS]
        if self.columns.metadata is not None:
            return self.columns.metadata
        taken = (self.columns.text, self.columns.id)
        return [name for name in self.header if name not in taken]


def preview_import(
    *,
    collection: Collection,
    head: bytes,
    is_whole: bool,
    gzip: bool,
    kind: Kind,
    columns: CsvColumns | None = None,
) -> Preview:
    """What the first rows of the file become that begins with `head`. Where nobody chose columns,
    those are taken that are called as the API calls them, or else the first as the text. Raises
    UnreadableImport.
    """
    content, is_whole = _plain(head, gzip=gzip, is_whole=is_whole)
    if not is_whole and kind != "json":
        content = content[: content.rfind(b"\n") + 1]  # the last line may be cut off
    header: list[str] = []
    if kind == "csv":
        header = read_header([content], max_line_bytes=settings.EMBED.max_body_bytes)[1]
        columns = columns or _guess(header)
    rows = _rows(collection, content, kind, columns, is_whole=is_whole)
    shown = [_previewed(collection, row) for row in islice(rows, ROWS)]
    if not shown and is_whole:
        raise UnreadableImport(reason="its first rows are not to be found.")
    return Preview(rows=shown, header=header, columns=columns)


def _rows(
    collection: Collection,
    content: bytes,
    kind: Kind,
    columns: CsvColumns | None,
    *,
    is_whole: bool,
) -> Iterator[Row]:
    try:
        if kind == "csv":
            yield from csv_rows(
                [content],
                columns=columns,
                field_types=field_types(collection),
                max_line_bytes=settings.EMBED.max_body_bytes,
            )
        elif kind == "json":
            elements = first_elements(content.decode(errors="ignore"), most=ROWS)
            yield from (document_row(number, raw) for number, raw in enumerate(elements, 1))
        else:
            parsed = (parse_line(n, line) for n, line in enumerate(content.split(b"\n"), 1))
            rows = (row for row in parsed if row is not None)
            yield from (row if row.fault else document_row(row.number, row.raw) for row in rows)
    except UnreadableImport:
        if is_whole:
            raise


def _plain(head: bytes, *, gzip: bool, is_whole: bool) -> tuple[bytes, bool]:
    """What is looked at, unpacked, and whether it is the whole file."""
    content = bytearray()
    try:
        for piece in unpack([head], gzip=gzip, max_bytes=settings.EMBED.import_max_bytes):
            content += piece
            if len(content) > UNPACKED_BYTES:
                return bytes(content), False
    except UnreadableImport:
        # A part of a gzip file ends too early; what is none yields nothing.
        if is_whole or not content:
            raise
    return bytes(content), is_whole


def _guess(header: Sequence[str]) -> CsvColumns | None:
    """None where the names tell what can't be chosen: titles, metadata and vectors."""
    if "text" in header and {"_id", "title", "metadata", "embedding"} & {*header}:
        return None
    key = next((name for name in header if name in ("id", "_id", "key")), None)
    text = next((name for name in header if name != key), header[0])
    return CsvColumns(text="text" if "text" in header else text, id=key)


def _previewed(collection: Collection, row: Row) -> PreviewRow:
    try:
        return PreviewRow(row.number, document=read_document(collection=collection, row=row))
    except Problem as problem:
        place = f"{problem.param}: " if problem.param else ""
        return PreviewRow(row.number, fault=f"{place}{problem.detail}")
