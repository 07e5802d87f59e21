"""Pooled connections: a living one costs no query at check-out, a dead one is replaced."""

import select
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, OperationalError, close_old_connections, connections

from embedsite.backend.base import is_alive
from tests.statements import recorded_statements

pytestmark = pytest.mark.django_db(transaction=True)

connection: Any = connections[DEFAULT_DB_ALIAS]  # a DatabaseWrapper of ours


def backend_pid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def terminate(pooled: psycopg.Connection[Any]) -> None:
    """End its session as an operator would, and wait until its socket tells."""
    pid, info = pooled.info.backend_pid, pooled.info
    with psycopg.connect(host=info.host, port=info.port, user=info.user, dbname=info.dbname) as own:
        own.execute("SELECT pg_terminate_backend(%s)", [pid])
    assert select.select([pooled], [], [], 60)[0]


def test_a_living_connection_is_taken_without_a_query() -> None:
    backend_pid()
    connection.close()
    with recorded_statements() as statements:
        backend_pid()
    assert statements == ["SELECT pg_backend_pid()"]


def test_a_connection_that_the_server_closed_is_replaced() -> None:
    pid = backend_pid()
    pooled = connection.connection
    connection.close()
    terminate(pooled)
    for _ in range(settings.EMBED.database_pool_size):
        assert backend_pid() != pid
        connection.close()


def test_a_connection_with_something_to_read_is_asked() -> None:
    backend_pid()
    listener = connection.connection
    listener.execute("LISTEN tidings")
    with psycopg.connect(
        host=listener.info.host,
        port=listener.info.port,
        user=listener.info.user,
        dbname=listener.info.dbname,
        autocommit=True,
    ) as other:
        other.execute("NOTIFY tidings")
    select.select([listener], [], [], 60)
    assert is_alive(listener)
    terminate(listener)
    assert not is_alive(listener)
    connection.close()


def end_request() -> None:
    """What Django does then, and before the next one; its test client doesn't."""
    close_old_connections()
    close_old_connections()


def test_a_kept_connection_stays_from_one_request_to_the_next() -> None:
    with connection.kept():
        backend_pid()
        kept = connection.connection
        end_request()
        assert connection.connection is kept
    assert connection.connection is None
    backend_pid()
    end_request()
    assert connection.connection is None


def test_a_kept_connection_that_the_server_closed_is_replaced() -> None:
    with connection.kept():
        pid = backend_pid()
        terminate(connection.connection)
        end_request()
        assert backend_pid() != pid


def test_a_kept_connection_that_broke_in_a_request_is_replaced() -> None:
    with connection.kept():
        pid = backend_pid()
        with pytest.raises(OperationalError), connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        end_request()
        assert backend_pid() != pid
