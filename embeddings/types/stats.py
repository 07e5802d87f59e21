"""What a collection weighs, how well its index finds, and what would help it."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from embeddings.constants import IndexState, IndexStorage


@dataclass(frozen=True, slots=True)
class TableStats:
    """As PostgreSQL counts: `rows` and `dead_rows` are estimates, `changed` counts the rows written
    since the last ANALYZE. `bytes` holds neither index nor dead toast, but the free space.
    """

    bytes: int
    index_bytes: int
    rows: int
    dead_rows: int
    changed: int
    last_vacuum: datetime | None
    last_analyze: datetime | None

    @property
    def dead_share(self) -> float:
        """Of all rows, 0 to 1."""
        return self.dead_rows / max(self.rows + self.dead_rows, 1)


NO_ROWS = TableStats(0, 0, 0, 0, 0, None, None)


@dataclass(frozen=True, slots=True)
class IndexStats:
    """The HNSW index of the active generation; `job` builds it now, or waits to."""

    state: IndexState
    m: int
    ef_construction: int
    storage: IndexStorage
    bytes: int
    job: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class Recall:
    """The newest measurement: shares of the exact answers, 0 to 1."""

    recall: float
    worst: float
    top_k: int
    queries: int
    approximate: int
    measured_at: datetime

    @classmethod
    def of(cls, row: Any) -> Self:
        """That of a RecallMeasurement."""
        return cls(
            recall=row.recall,
            worst=row.worst,
            top_k=row.top_k,
            queries=row.queries,
            approximate=row.approximate,
            measured_at=row.created_at,
        )


@dataclass(frozen=True, slots=True)
class CollectionStats:
    """All of it. `warning` is empty while recall is as it should be."""

    documents: int
    documents_table: TableStats
    chunks_table: TableStats
    index: IndexStats
    unfiltered: Recall | None
    filtered: Recall | None
    warning: str
    advice: list[str]
