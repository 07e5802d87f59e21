"""Pooled connections: a living one costs no query at check-out, a dead one is replaced."""

import select
import time

import psycopg
import pytest
from django.db import connection

from embedsite.backend.base import is_alive
from tests.statements import recorded_statements

pytestmark = pytest.mark.django_db(transaction=True)


def backend_pid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def terminate(pid: int) -> None:
    """End the session as an operator would, from another one."""
    info = connection.connection.info
    with psycopg.connect(host=info.host, port=info.port, user=info.user, dbname=info.dbname) as own:
        own.execute("SELECT pg_terminate_backend(%s)", [pid])
        while own.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone():
            time.sleep(0.01)
            own.rollback()


def test_a_living_connection_is_taken_without_a_query() -> None:
    backend_pid()
    connection.close()
    with recorded_statements() as statements:
        backend_pid()
    assert statements == ["SELECT pg_backend_pid()"]


def test_a_connection_that_the_server_closed_is_replaced() -> None:
    pid = backend_pid()
    connection.ensure_connection()
    terminate(pid)
    connection.close()
    assert backend_pid() != pid


def test_a_connection_with_something_to_read_is_asked() -> None:
    pid = backend_pid()
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
    select.select([listener], [], [], 5)
    assert is_alive(listener)
    terminate(pid)
    select.select([listener], [], [], 5)
    assert not is_alive(listener)
    connection.close()
