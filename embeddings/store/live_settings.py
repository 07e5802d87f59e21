"""The row of live settings, read past Django's pool, and the news of its changes."""

from collections.abc import Generator
from contextlib import closing
from typing import Any

import psycopg
from django.db import connection
from procrastinate.contrib.django.utils import connector_params

CHANNEL = "live_settings"
CONNECT_S = 3
SILENT_MS = 5_000
"""A server that takes no packet for so long is gone: the system would wait a quarter of an hour."""


def announce() -> None:
    """Tell every process, when the present transaction commits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def read_once() -> Any:
    """What is set now. Raises psycopg.Error, of a database without the table too."""
    with closing(_connect()) as listener:
        return _read(listener)


def follow(*, at_latest_s: float) -> Generator[Any, None, None]:
    """What is set, at once and after each news of a change, or so many seconds without any: behind
    some poolers no news come. Raises psycopg.Error.

    The connection is its own, as what listens must be no pooled one.
    """
    with closing(_connect()) as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        while True:
            yield _read(listener)
            for _ in listener.notifies(timeout=at_latest_s, stop_after=1):
                pass


def _connect() -> psycopg.Connection[tuple[Any, ...]]:
    mine = {
        "connect_timeout": CONNECT_S,
        "tcp_user_timeout": SILENT_MS,
        "application_name": CHANNEL,
        "autocommit": True,
    }
    return psycopg.connect(**{**connector_params(), **mine})


def _read(listener: psycopg.Connection[tuple[Any, ...]]) -> Any:
    row = listener.execute("SELECT options FROM live_settings").fetchone()
    return row[0] if row else {}
