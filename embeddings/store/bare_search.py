"""A search's SQL on a connection of its own, with nothing around it: what the service is measured
against.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import psycopg
from django.db import connection
from numpy.typing import NDArray
from pgvector.psycopg.vector import VectorBinaryDumper
from psycopg import sql

from embeddings.store.cursors import OrjsonLoader, binary_cursor, read_vector
from embeddings.store.partitions import chunks_table
from embeddings.store.search import Scan, Wanted, exact_query, hnsw_query
from embeddings.store.search_sql import SETTINGS, Shape, Target
from embeddings.types.filter import MetadataFilter
from embeddings.types.search import DEFAULT_INCLUDE

EXTERNAL_ID = 3
"""The column of a row that holds the document's id as its caller knows it."""

Run = Callable[[NDArray[np.float32]], list[tuple[Any, ...]]]


def sample_vectors(*, generation_id: int, count: int) -> list[NDArray[np.float32]]:
    """Up to `count` of the generation's own vectors, float32 `(dimensions,)`, spread over it."""
    statement = sql.SQL(
        "SELECT vector_send(embedding) FROM {} ORDER BY md5(document_id::text) LIMIT %s"
    ).format(sql.Identifier(chunks_table(generation_id)))
    with binary_cursor() as cursor:
        return [read_vector(data) for (data,) in cursor.execute(statement, [count]).fetchall()]


@contextmanager
def bare_search(
    *,
    target: Target,
    metadata_filter: MetadataFilter | None,
    depth: int,
    scan: Scan | None,
    read_all: bool,
) -> Iterator[Run]:
    """Runs the search that the service would run, with the `scan` of the index or exactly, binary,
    prepared where the service's would be, its settings made beforehand; yields a function that
    returns the rows for a vector.
    """
    parameters = connection.get_connection_params()
    for name in ("cursor_factory", "context"):
        parameters.pop(name, None)
    shape = Shape(include=DEFAULT_INCLUDE)
    with psycopg.connect(**parameters) as bare, bare.cursor(binary=True) as cursor:
        cursor.adapters.register_dumper(np.ndarray, VectorBinaryDumper)
        cursor.adapters.register_loader("jsonb", OrjsonLoader)
        if scan is not None:
            cursor.execute(SETTINGS, scan.settings)  # for the transaction that holds them all

        def run(vector: NDArray[np.float32]) -> list[tuple[Any, ...]]:
            wanted = Wanted(target, vector, depth, metadata_filter, shape)
            if scan is not None:
                query = hnsw_query(wanted=wanted, scan=scan)
            else:
                query = exact_query(
                    wanted=wanted, candidates=depth, read_all=read_all, max_matches=None
                )
            return cursor.execute(query.statement, query.values, prepare=query.prepare).fetchall()

        yield run
