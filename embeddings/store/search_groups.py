"""The nearest documents for each value of a metadata field, exactly."""

import uuid
from collections.abc import Collection as Several

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from embeddings.store.cursors import binary_cursor
from embeddings.store.filter import compile_filter
from embeddings.store.hits import read_near_hit, shown_columns
from embeddings.store.metadata_values import IN_ARRAY, SCALARS, steps
from embeddings.store.search import Target
from embeddings.types.search import FieldGroups, Group, Include, MetadataFilter


def nearest_groups(
    *,
    target: Target,
    vector: NDArray[np.float32],
    group_by: FieldGroups,
    top_k: int,
    excluded: Several[uuid.UUID],
    metadata_filter: MetadataFilter | None,
    include: Include,
) -> list[Group]:
    """The `top_k` groups with the nearest documents among those that the filter lets through and
    that are not excluded, the nearest group first. One statement over all of them.
    """
    condition, values = compile_filter(metadata_filter)
    statement = sql.SQL(_STATEMENT).format(
        **target.names,
        condition=condition,
        scalars=SCALARS,
        in_array=IN_ARRAY,
        steps=steps(group_by.path),
        **shown_columns(include),
    )
    narrowed = [vector, *values, list(excluded), *group_by.path]
    parameters = [*narrowed, top_k, top_k, vector, group_by.size]
    groups: dict[int, Group] = {}
    with binary_cursor() as cursor:
        rows = cursor.execute(statement, parameters, prepare=False).fetchall()
    for place, value, *hit in rows:
        group = groups.setdefault(place, Group(value=value, hits=[]))
        group.hits.append(read_near_hit(hit, metric=target.metric))
    return list(groups.values())


_STATEMENT = """
    WITH ranked AS MATERIALIZED (
        SELECT c.document_id, min(c.embedding {operator} %s::vector) AS distance
        FROM {chunks} c JOIN {documents} d ON d.id = c.document_id
        WHERE {condition} AND d.id <> ALL (%s::uuid[])
        GROUP BY c.document_id
    ), fetched AS MATERIALIZED (
        SELECT d.metadata{steps} AS value, r.document_id, r.distance
        FROM ranked r JOIN {documents} d ON d.id = r.document_id
    ), elements AS MATERIALIZED (
        SELECT value, document_id, distance FROM fetched WHERE jsonb_typeof(value) IN {scalars}
        UNION ALL
        SELECT e.value, document_id, distance FROM fetched CROSS JOIN {in_array} e
        WHERE jsonb_typeof(fetched.value) = 'array'
    ), best AS (
        SELECT value, min(distance) AS distance FROM elements
        GROUP BY value ORDER BY 2 FETCH FIRST %s ROWS WITH TIES
    ), leaders AS (
        SELECT value, row_number() OVER (
            ORDER BY b.distance, min(e.document_id::text), value) AS rank
        FROM best b JOIN elements e USING (value, distance)
        GROUP BY value, b.distance
    ), placed AS (
        SELECT l.rank, e.*, row_number() OVER (
            PARTITION BY l.rank ORDER BY e.distance, e.document_id) AS place
        FROM leaders l JOIN elements e USING (value)
        WHERE l.rank <= %s
    )
    SELECT p.rank, p.value, p.document_id, d.external_id, p.distance, c.start, c."end", c.ordinal,
        {text}, {metadata}, {vector}
    FROM placed p JOIN {documents} d ON d.id = p.document_id
    CROSS JOIN LATERAL (
        SELECT * FROM {chunks} c
        WHERE c.document_id = p.document_id AND c.embedding {operator} %s::vector = p.distance
        ORDER BY c.ordinal LIMIT 1
    ) c
    WHERE p.place <= %s
    ORDER BY p.rank, p.place"""
