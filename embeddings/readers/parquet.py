"""Parquet, a row group at a time; pyarrow is loaded only for it."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from embeddings.exceptions import UnreadableImport

BATCH_ROWS = 1_000


def count_parquet(path: Path) -> int:
    """How many rows the file holds. Raises UnreadableImport."""
    with _opened(path) as file:
        return int(file.metadata.num_rows)


def read_parquet(path: Path, *, after: int) -> Iterator[dict[str, Any]]:
    """The rows behind the first `after`, as plain JSON values. Raises UnreadableImport."""
    with _opened(path) as file:
        if "text" not in file.schema_arrow.names:
            raise UnreadableImport(reason="it has no column named text.")
        skip = after
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if skip >= rows:
                skip -= rows
                continue
            for batch in file.iter_batches(batch_size=BATCH_ROWS, row_groups=[group]):
                if skip >= batch.num_rows:
                    skip -= batch.num_rows
                    continue
                for columns in batch.slice(skip).to_pylist():
                    yield {name: _plain(value) for name, value in columns.items()}
                skip = 0


def _plain(value: Any) -> Any:
    """JSON has no dates and no decimals; NaN stands for an empty cell."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import pyarrow
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            yield file
    except (pyarrow.ArrowException, OSError):
        raise UnreadableImport(reason="it is no whole Parquet file.") from None
