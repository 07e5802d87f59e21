"""The SQL statements that reach PostgreSQL, whichever cursor or batch sends them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import psycopg

from accounts.store.batch import Batch


@contextmanager
def recorded_statements(*, by_all_threads: bool = True) -> Iterator[list[str]]:
    """The statements run inside. Django's cursors derive from psycopg's, and its own counting sees
    no others.
    """
    statements: list[str] = []
    thread = threading.get_ident()

    def recording(send: Any) -> Any:
        def record_and_send(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
            if by_all_threads or threading.get_ident() == thread:
                statements.append(query.decode() if isinstance(query, bytes) else str(query))
            return send(self, query, *args, **kwargs)

        return record_and_send

    with (
        patch.object(psycopg.Cursor, "execute", recording(psycopg.Cursor.execute)),
        patch.object(Batch, "queue", recording(Batch.queue)),
    ):
        yield statements
