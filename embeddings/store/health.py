"""Whether the database answers, asked so that a dead one costs little."""

import psycopg
from django.db import connection
from django.db.backends.postgresql.base import DatabaseWrapper

TIMEOUT_S = 2.0
"""A probe that waits longer has given up: Kubernetes' default is one second."""


def answers() -> bool:
    """Whether a pooled connection is there and takes a query, within TIMEOUT_S."""
    if not isinstance(connection, DatabaseWrapper) or connection.pool is None:
        return connection.is_usable()
    try:
        with connection.pool.connection(timeout=TIMEOUT_S) as pooled:
            pooled.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True
