"""Drops partitions without making anybody's search wait.

A search holds a lock on its own partition only, and whoever asks through the parent one on that
too. So a partition is detached concurrently, which waits for the latter and blocks nobody; what
must wait longer than a moment is left to a later round.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import InternalError, OperationalError, connection
from django.db.backends.utils import CursorWrapper
from psycopg import sql

from embeddings.telemetry import log

LOCK_TIMEOUT = "500ms"
"""Meanwhile nobody can make a collection, and all that wants every partition waits."""

TURN = 0x64726F70
"""Any number, as long as nothing else in the database locks it."""

TURN_S = 2.0


def drop_partition(*, parent: str, table: str) -> bool:
    """Detach and drop the table; whether it is gone. Outside a transaction it waits no longer than
    a moment; inside one it locks the parent until the end.
    """
    if connection.in_atomic_block:
        if _detach_pending(parent, table) is not None:
            _alter(parent, table, "")
        _drop_table(table)
        return True
    with _turn() as ours:
        if not ours:
            return False
        try:
            _finish_detaching(parent)
            if _detach_pending(parent, table) is not None:
                _alter(parent, table, "CONCURRENTLY")
            _drop_table(table)
        except (OperationalError, InternalError) as error:  # the latter: others refer to it still
            log.info("partition_kept", table=table, reason=str(error).splitlines()[0])
            return False
    return True


def tables_like(*, pattern: str) -> list[str]:
    """Tables of our schema whose names match, partitions and those that are detached already."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class"
            " WHERE relkind = 'r' AND relname ~ %s AND pg_table_is_visible(oid)",
            [pattern],
        )
        return [name for (name,) in cursor.fetchall()]


def _finish_detaching(parent: str) -> None:
    """End what an earlier attempt was cut short in: a table can have one such partition only."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
            " WHERE i.inhparent = %s::regclass AND i.inhdetachpending",
            [parent],
        )
        pending = [name for (name,) in cursor.fetchall()]
    for table in pending:
        _alter(parent, table, "FINALIZE")


def _detach_pending(parent: str, table: str) -> bool | None:
    """None where it is no partition of the parent."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhdetachpending FROM pg_inherits"
            " WHERE inhparent = %s::regclass AND inhrelid = to_regclass(%s)",
            [parent, table],
        )
        row = cursor.fetchone()
    return None if row is None else bool(row[0])


def _alter(parent: str, table: str, mode: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            sql.SQL("ALTER TABLE {} DETACH PARTITION {} {}").format(
                sql.Identifier(parent), sql.Identifier(table), sql.SQL(mode)
            )
        )


def _drop_table(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(table)))


@contextmanager
def _turn() -> Iterator[bool]:
    """One process at a time drops, for a while; yields whether it is this one.

    The lock is asked for again and again: a session that waits inside PostgreSQL would hold up
    concurrent builds of indexes.
    """
    with connection.cursor() as cursor:
        deadline = time.monotonic() + TURN_S
        while not _taken(cursor):
            if time.monotonic() > deadline:
                yield False
                return
            time.sleep(0.02)
        try:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [LOCK_TIMEOUT])
            yield True
        finally:
            cursor.execute("RESET lock_timeout")
            cursor.execute("SELECT pg_advisory_unlock(%s)", [TURN])


def _taken(cursor: CursorWrapper) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(%s)", [TURN])
    return bool(cursor.fetchone()[0])
