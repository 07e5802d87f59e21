"""The SQL statements that reach PostgreSQL, whichever cursor sends them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import psycopg


@contextmanager
def recorded_statements() -> Iterator[list[str]]:
    """The statements run inside. Django's cursors derive from psycopg's, and its own counting sees
    no others.
    """
    statements: list[str] = []
    execute = psycopg.Cursor.execute

    def recording(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        statements.append(query.decode() if isinstance(query, bytes) else str(query))
        return execute(self, query, *args, **kwargs)

    with patch.object(psycopg.Cursor, "execute", recording):
        yield statements
