"""Binary cursors and batches on Django's connection, for the paths where vectors travel."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

import numpy as np
import orjson
import psycopg
from django.db import DEFAULT_DB_ALIAS, ProgrammingError, connections
from numpy.typing import NDArray
from pgvector.psycopg.vector import VectorBinaryDumper
from psycopg import pq
from psycopg.abc import Buffer
from psycopg.types.json import JsonbBinaryLoader

from accounts.store.batch import Batch
from embeddings.exceptions import NotFound


class OrjsonLoader(JsonbBinaryLoader):
    """Metadata through orjson, several times faster than the standard library."""

    def load(self, data: Buffer) -> Any:
        """The value behind jsonb's one-byte version header."""
        return orjson.loads(memoryview(data)[1:])


_adapted: WeakSet[psycopg.Connection[Any]] = WeakSet()
"""Connections that know how vectors and metadata travel."""


@contextmanager
def binary_cursor() -> Iterator[psycopg.Cursor[Any]]:
    """A cursor with server-side binding and binary results: Django's own binds on the client, as
    text.

    float32 arrays bind as vectors where the statement casts to `vector`: with no type of its own
    the server infers it, so no look-up of the extension's type ids is needed. Errors are Django's,
    but for NotFound where the partition is gone: its collection was deleted meanwhile.
    """
    # Each look through Django's `connection` would find the thread's own anew.
    connection = connections[DEFAULT_DB_ALIAS]
    connection.ensure_connection()
    raw = connection.connection
    _adapt(raw)
    with _gone_is_not_found(), connection.wrap_database_errors, psycopg.Cursor(raw) as cursor:
        cursor.format = pq.Format.BINARY
        yield cursor


@contextmanager
def binary_batch() -> Iterator[Batch]:
    """A batch for values and errors as binary_cursor's; it is sent at the end of the block."""
    with _gone_is_not_found():
        batch = Batch()
        _adapt(batch.connection)
        yield batch
        batch.send()


def _adapt(connection: psycopg.Connection[Any]) -> None:
    if connection not in _adapted:
        # Django's own cursors never see them: they bind no arrays and read no binary results.
        connection.adapters.register_dumper(np.ndarray, VectorBinaryDumper)
        connection.adapters.register_loader("jsonb", OrjsonLoader)
        _adapted.add(connection)


@contextmanager
def _gone_is_not_found() -> Iterator[None]:
    try:
        yield
    except ProgrammingError as error:
        if isinstance(error.__cause__, psycopg.errors.UndefinedTable):
            raise NotFound from error
        raise


def read_vector(data: bytes) -> NDArray[np.float32]:
    """The float32 `(dimensions,)` behind what `vector_send` returns: two 16-bit words, then
    big-endian floats.
    """
    return np.frombuffer(data, dtype=">f4", offset=4).astype(np.float32)
