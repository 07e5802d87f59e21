"""Whether the database answers, asked so that a dead one costs little."""

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.postgresql.base import DatabaseWrapper

TIMEOUT_S = 2.0
"""A probe that waits longer has given up: Kubernetes' default is one second."""


def answers() -> bool:
    """Whether a pooled connection is there and takes a query, within TIMEOUT_S."""
    # Not `django.db.connection`: that is a proxy, which is no DatabaseWrapper.
    connection = connections[DEFAULT_DB_ALIAS]
    if not isinstance(connection, DatabaseWrapper) or connection.pool is None:
        return connection.is_usable()
    try:
        connection.pool.open()  # a no-op but for the first, which Django leaves closed
        with connection.pool.connection(timeout=TIMEOUT_S) as pooled:
            pooled.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True
