"""The SQL statements that reach PostgreSQL, whichever cursor sends them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import psycopg


@contextmanager
def recorded_statements(*, by_all_threads: bool = True) -> Iterator[list[str]]:
    """The statements run inside. Django's cursors derive from psycopg's, and its own counting sees
    no others.
    """
    statements: list[str] = []
    execute = psycopg.Cursor.execute
    thread = threading.get_ident()

    def recording(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        if by_all_threads or threading.get_ident() == thread:
            statements.append(query.decode() if isinstance(query, bytes) else str(query))
        return execute(self, query, *args, **kwargs)

    with patch.object(psycopg.Cursor, "execute", recording):
        yield statements
