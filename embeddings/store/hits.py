"""Hits as rows: what a statement shows of them, and how it is read."""

from collections.abc import Sequence
from typing import Any

from psycopg import sql

from embeddings.constants import Metric
from embeddings.store.cursors import read_vector
from embeddings.types.search import Hit, Include


def score(*, metric: Metric, distance: float) -> float:
    """Higher is better: cosine 1 - d, ip -d (pgvector's is the negative product), l2 and l1 1/(1 +
    d).
    """
    match metric:
        case Metric.COSINE:
            return 1.0 - distance
        case Metric.IP:
            return -distance
        case Metric.L2 | Metric.L1:
            return 1.0 / (1.0 + distance)


def shown_columns(include: Include) -> dict[str, sql.SQL]:
    """What a hit shows of its document `d` and its chunk `c`; NULL for the rest."""
    return {
        "text": sql.SQL("d.text" if include & {"text", "chunk"} else "NULL"),
        "metadata": sql.SQL("d.metadata" if "metadata" in include else "NULL"),
        "vector": sql.SQL("vector_send(c.embedding)" if "vector" in include else "NULL"),
    }


def read_near_hit(row: Sequence[Any], *, metric: Metric) -> Hit:
    """As read_hit, scored by its distance."""
    return read_hit(row, score=score(metric=metric, distance=row[2]))


def read_hit(row: Sequence[Any], *, score: float) -> Hit:
    """The hit of a row: document, external id, distance, start, end, ordinal and what is shown."""
    document_id, external_id, distance, start, end, ordinal, text, metadata, vector = row
    return Hit(
        document_id=document_id,
        external_id=external_id,
        score=score,
        distance=distance,
        start=start,
        end=end,
        ordinal=ordinal,
        text=text,
        metadata=metadata,
        vector=None if vector is None else read_vector(vector),
    )
