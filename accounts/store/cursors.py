"""Statements that stand before every request, prepared."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import pq


@contextmanager
def prepared_cursor() -> Iterator[psycopg.Cursor[Any]]:
    """A binary cursor of psycopg's own: Django's binds on the client, so that nothing stays
    prepared. Raises Django's errors of the database.
    """
    # Each look through Django's `connection` would find the thread's own anew.
    connection = connections[DEFAULT_DB_ALIAS]
    connection.ensure_connection()
    with connection.wrap_database_errors:
        cursor = psycopg.Cursor(connection.connection)
        cursor.format = pq.Format.BINARY
        yield cursor
