"""The nearest documents or chunks behind a place in the exact order."""

import uuid

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from embeddings.store.cursors import binary_cursor
from embeddings.store.filter import compile_filter
from embeddings.store.hits import read_near_hit, shown_columns
from embeddings.store.search import Target
from embeddings.types.search import Hit, Include, MetadataFilter

Key = tuple[float, uuid.UUID, int]
"""Distance, document and ordinal of a hit: its place in the exact order."""


def nearest_after(
    *,
    target: Target,
    vector: NDArray[np.float32],
    after: Key | None,
    limit: int,
    metadata_filter: MetadataFilter | None,
    by_chunk: bool,
    include: Include,
) -> list[Hit]:
    """The next `limit` nearest documents that the filter lets through, each with its nearest chunk,
    or with `by_chunk` the next chunks, behind the key `after`. Of documents the key's ordinal says
    nothing.
    """
    condition, values = compile_filter(metadata_filter)
    ranked = sql.SQL(_CHUNKS if by_chunk else _DOCUMENTS).format(
        join=sql.SQL("" if metadata_filter is None else _JOIN).format(**target.names),
        condition=condition,
        **target.names,
    )
    statement = sql.SQL(_STATEMENT).format(
        ranked=ranked,
        behind=sql.SQL(_behind(after, by_chunk=by_chunk)),
        **shown_columns(include),
        **target.names,
    )
    key = () if after is None else after if by_chunk else after[:2]
    parameters = [vector, *values, *key, limit, vector]
    with binary_cursor() as cursor:
        rows = cursor.execute(statement, parameters, prepare=False).fetchall()
    return [read_near_hit(row, metric=target.metric) for row in rows]


_JOIN = "JOIN {documents} d ON d.id = c.document_id"

# The order by distance stands on what is materialised: no index on the vectors can serve it, which
# would lose rows.
_CHUNKS = """
    SELECT c.document_id, c.ordinal, c.embedding {operator} %s::vector AS distance
    FROM {chunks} c {join}
    WHERE {condition}"""

_DOCUMENTS = """
    SELECT c.document_id, 0 AS ordinal, min(c.embedding {operator} %s::vector) AS distance
    FROM {chunks} c {join}
    WHERE {condition}
    GROUP BY c.document_id"""

_STATEMENT = """
    WITH ranked AS MATERIALIZED ({ranked}), page AS MATERIALIZED (
        SELECT * FROM ranked
        WHERE {behind}
        ORDER BY distance, document_id, ordinal
        LIMIT %s
    )
    SELECT page.document_id, d.external_id, page.distance, c.start, c."end", c.ordinal,
        {text}, {metadata}, {vector}
    FROM page JOIN {documents} d ON d.id = page.document_id
    CROSS JOIN LATERAL (
        SELECT * FROM {chunks} c
        WHERE c.document_id = page.document_id AND c.ordinal >= page.ordinal
            AND c.embedding {operator} %s::vector = page.distance
        ORDER BY c.ordinal LIMIT 1
    ) c
    ORDER BY page.distance, page.document_id, page.ordinal"""


def _behind(after: Key | None, *, by_chunk: bool) -> str:
    if after is None:
        return "true"
    if by_chunk:
        return "(distance, document_id, ordinal) > (%s::float8, %s::uuid, %s::int4)"
    return "(distance, document_id) > (%s::float8, %s::uuid)"
