"""Exported documents on the wire: lines of JSON, exact, and CSV, for spreadsheets."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import orjson
from rest_framework import serializers

from embeddings.serializers.base import RequestSerializer
from embeddings.serializers.fields import QueryFilterField
from embeddings.serializers.spreadsheet import cell
from embeddings.services.export import Exported

Encode = Callable[[Iterable[Exported]], bytes]

NDJSON = "application/x-ndjson"
CSV = "text/csv"
COLUMNS = ("id", "text", "metadata")


class ExportQuery(RequestSerializer):
    """What to export."""

    filter = QueryFilterField(required=False, help_text='JSON, such as {"lang": "en"}.')
    vectors = serializers.BooleanField(
        default=False,
        help_text="With the `embedding` of each document; a longer text's are in its `chunks`.",
    )


def export_pieces(
    batches: Iterable[list[Exported]], *, media_type: str, vectors: bool
) -> Iterator[bytes]:
    """The body, a piece for each batch."""
    yield export_head(media_type, vectors=vectors)
    encode = export_encoder(media_type, vectors=vectors)
    for batch in batches:
        yield encode(batch)


def export_head(media_type: str, *, vectors: bool) -> bytes:
    """What stands before the first document."""
    return _lines_of_csv([_columns(vectors=vectors)]) if media_type == CSV else b""


def export_encoder(media_type: str, *, vectors: bool) -> Encode:
    """Makes bytes of a batch."""
    if media_type == CSV:
        return lambda batch: _lines_of_csv(
            [_cells(exported, vectors=vectors) for exported in batch]
        )
    return lambda batch: b"".join(_json_line(exported) for exported in batch)


def _json_line(exported: Exported) -> bytes:
    """As an import takes it, which makes the vectors of `chunks` anew."""
    document, chunks = exported.document, exported.chunks
    row: dict[str, Any] = {
        "id": document.external_id,
        "text": document.text,
        "metadata": document.metadata,
    }
    if len(chunks) == 1:
        row["embedding"] = chunks[0].embedding
    elif chunks:
        row["chunks"] = [
            {"start": chunk.start, "end": chunk.end, "embedding": chunk.embedding}
            for chunk in chunks
        ]
    return _json(row) + b"\n"


def _columns(*, vectors: bool) -> list[str]:
    return [*COLUMNS, *(["embedding"] if vectors else [])]


def _cells(exported: Exported, *, vectors: bool) -> list[str]:
    document, chunks = exported.document, exported.chunks
    values = [document.external_id, document.text, _json(document.metadata).decode()]
    if vectors:
        values.append(_json(chunks[0].embedding).decode() if len(chunks) == 1 else "")
    return [cell(value) for value in values]


def _lines_of_csv(rows: Iterable[list[str]]) -> bytes:
    lines = io.StringIO()
    csv.writer(lines).writerows(rows)
    return lines.getvalue().encode()


def _json(value: Any) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError:
        # An integer beyond 64 bits, which PostgreSQL keeps and orjson doesn't know.
        return json.dumps(value, ensure_ascii=False, default=np.ndarray.tolist).encode()
