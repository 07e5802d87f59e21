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

from embeddings.constants import SearchPath
from embeddings.store.cursors import OrjsonLoader, binary_cursor, read_vector
from embeddings.store.partitions import chunks_table
from embeddings.store.search import SETTINGS, Target, unfiltered_statement
from embeddings.types.search import DEFAULT_INCLUDE

Run = Callable[[NDArray[np.float32]], list[tuple[Any, ...]]]


def sample_vectors(*, generation_id: int, count: int) -> list[NDArray[np.float32]]:
    """Up to `count` of the generation's own vectors, float32 `(dimensions,)`, spread over it."""
    statement = sql.SQL(
        "SELECT vector_send(embedding) FROM {} ORDER BY md5(document_id::text) LIMIT %s"
    ).format(sql.Identifier(chunks_table(generation_id)))
    with binary_cursor() as cursor:
        return [read_vector(data) for (data,) in cursor.execute(statement, [count]).fetchall()]


@contextmanager
def bare_search(*, target: Target, path: SearchPath, ef_search: int, top_k: int) -> Iterator[Run]:
    """Runs the search that the service would run, prepared, binary, its settings made beforehand;
    yields a function that returns the rows for a vector.
    """
    parameters = connection.get_connection_params()
    for name in ("cursor_factory", "context"):
        parameters.pop(name, None)
    statement = unfiltered_statement(target=target, path=path, include=DEFAULT_INCLUDE)
    with psycopg.connect(**parameters) as bare, bare.cursor(binary=True) as cursor:
        cursor.adapters.register_dumper(np.ndarray, VectorBinaryDumper)
        cursor.adapters.register_loader("jsonb", OrjsonLoader)

        def run(vector: NDArray[np.float32]) -> list[tuple[Any, ...]]:
            values = [vector, ef_search, vector] if path == SearchPath.HNSW else [vector]
            return cursor.execute(statement, [*values, top_k], prepare=True).fetchall()

        if path == SearchPath.HNSW:
            cursor.execute(SETTINGS, [str(ef_search)])  # for the transaction that holds them all
        yield run
