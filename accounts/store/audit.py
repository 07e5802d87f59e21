"""The audit's chains and partitions, in SQL."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from django.db import OperationalError, connection, transaction
from psycopg import sql

CANONICAL = """ARRAY[
    e.id::text, (extract(epoch FROM e.at) * 1000000)::bigint::text, e.user_id::text,
    e.username, e.token_id::text, e.credential, e.address, e.request_id, e.event,
    e.object_type, e.object_id, e.collection_id::text, e.before::text, e.after::text,
    e.outcome
]::text"""
"""What a link's hash is over, besides the hash before it. As in the migration's `audit_link`, from
which an older entry can't be changed without its hash."""

CHECKS = """
    SELECT object_id, at, username, after FROM audit_entries
    WHERE at >= %s AND event = 'audit.verify' ORDER BY at, id"""

FETCH = 2_000
LOCK_TIMEOUT = "500ms"
"""So long the whole service's writers wait, at most, for a partition to be dropped."""


@dataclass(frozen=True, slots=True)
class DayChange:
    """A link of the chain of the days."""

    ordinal: int
    day: date
    change: str
    position: int | None
    head: bytes | None
    hash: bytes

    @property
    def canonical(self) -> bytes:
        """What its hash is over, besides the hash before it."""
        position = "NULL" if self.position is None else str(self.position)
        head = "NULL" if self.head is None else self.head.hex()
        return f"{{{self.ordinal},{self.day},{self.change},{position},{head}}}".encode()


@dataclass(frozen=True, slots=True)
class Link:
    """An entry with its link; what is None is not there."""

    position: int | None
    entry_id: int
    hash: bytes | None
    canonical: bytes | None


def add_entries(*, entries: str) -> None:
    """Add the entries in the JSON array, on whichever day each is."""
    _run(
        "SELECT count(audit_record(e)) FROM jsonb_populate_recordset(NULL::audit_entries, %s) e",
        [entries],
    )


def entries_table(day: date) -> str:
    """The name of the day's partition of `audit_entries`."""
    return f"audit_entries_{day:%Y%m%d}"


def links_table(day: date) -> str:
    """The name of the day's partition of `audit_links`."""
    return f"audit_links_{day:%Y%m%d}"


def day_changes() -> list[DayChange]:
    """The chain of the days, in its order."""
    rows = _rows("SELECT ordinal, day, change, position, head, hash FROM audit_days ORDER BY 1")
    return [
        DayChange(ordinal, day, change, position, head and bytes(head), bytes(digest))
        for ordinal, day, change, position, head, digest in rows
    ]


def days() -> list[date]:
    """The days that have partitions, in their order."""
    return _days_of("audit_entries")


def days_with_entries() -> list[date]:
    """The days in whose partitions there is something."""
    return [day for day in days() if _rows("SELECT FROM {} LIMIT 1", entries_table(day))]


@contextmanager
def holding_days() -> Iterator[None]:
    """Inside, nobody drops a day: for what reads one after another, as a transaction that read all
    of them would need a lock for each of their tables and indexes.
    """
    _rows("SELECT pg_advisory_lock_shared(1635083369, 3)")
    try:
        yield
    finally:
        _rows("SELECT pg_advisory_unlock_shared(1635083369, 3)")


def has_partitions(*, day: date) -> bool:
    """Whether the tables of the day are there."""
    ((there,),) = _rows(
        "SELECT to_regclass(%s) IS NOT NULL AND to_regclass(%s) IS NOT NULL",
        values=[entries_table(day), links_table(day)],
    )
    return bool(there)


def links(*, day: date) -> Iterator[Link]:
    """The day's links, each with its entry, in their order, then the entries without a link. Inside
    a transaction: they come piece by piece.
    """
    statement = sql.SQL(
        "SELECT l.position, coalesce(l.entry_id, e.id), l.hash,"
        " CASE WHEN e.id IS NOT NULL THEN convert_to({canonical}, 'UTF8') END"
        " FROM {entries} e FULL JOIN {links} l ON l.entry_id = e.id"
        " ORDER BY l.position NULLS LAST, e.id"
    ).format(
        canonical=sql.SQL(CANONICAL),
        entries=sql.Identifier(entries_table(day)),
        links=sql.Identifier(links_table(day)),
    )
    connection.ensure_connection()
    with connection.connection.cursor(name="audit_links") as cursor:
        cursor.itersize = FETCH
        cursor.execute(statement)
        for position, entry_id, digest, canonical in cursor:
            yield Link(position, entry_id, digest and bytes(digest), canonical and bytes(canonical))


def link_at(*, day: date, position: int) -> bytes | None:
    """The hash of one link."""
    rows = _rows("SELECT hash FROM {} WHERE position = %s", links_table(day), values=[position])
    return bytes(rows[0][0]) if rows else None


def last_link(*, day: date) -> tuple[int, bytes] | None:
    """Position and hash of the day's last link."""
    rows = _rows("SELECT position, hash FROM {} ORDER BY position DESC LIMIT 1", links_table(day))
    return (rows[0][0], bytes(rows[0][1])) if rows else None


def last_links(*, days: Sequence[date]) -> dict[date, tuple[int, bytes]]:
    """Position and hash of the last link of each of the days that has one and is there."""
    there = [day for day in days if day in set(_days_of("audit_links"))]
    if not there:
        return {}
    last = "(SELECT %s::date, position, hash FROM {} ORDER BY position DESC LIMIT 1)"
    rows = _rows(" UNION ALL ".join([last] * len(there)), *map(links_table, there), values=there)
    return {day: (position, bytes(digest)) for day, position, digest in rows}


def checks_of_days(*, since: date, within_ms: int) -> list[tuple[str, datetime, str, Any]] | None:
    """The day, the time, who asked, and what was found, of each check of a day that is on record
    since then, in their order; None where finding them takes too long: no index leads to them.
    """
    try:
        with transaction.atomic():
            ((before,),) = _rows("SELECT current_setting('statement_timeout')")
            _set_timeout(f"{within_ms}ms")
            found = _rows(CHECKS, values=[datetime.combine(since, time(), tzinfo=UTC)])
            _set_timeout(before)
    except OperationalError:
        return None
    return [(day, at, username, json.loads(after)) for day, at, username, after in found]


def link_of(*, day: date, entry_id: int) -> tuple[Link, bytes | None] | None:
    """The link of the day's entry, and the hash of the link before it, if there is one."""
    rows = _rows(
        f"SELECT l.position, e.id, l.hash, convert_to({CANONICAL}, 'UTF8'), p.hash"  # noqa: S608
        " FROM {} e LEFT JOIN {} l ON l.entry_id = e.id"
        " LEFT JOIN {} p ON p.position = l.position - 1 WHERE e.id = %s",
        *(entries_table(day), links_table(day), links_table(day)),
        values=[entry_id],
    )
    if not rows:
        return None
    position, found, digest, canonical, before = rows[0]
    link = Link(position, found, digest and bytes(digest), bytes(canonical))
    return link, before and bytes(before)


def make_days(*, ahead: int) -> int:
    """Make the partitions of today, by the database's clock, and of so many days behind it; returns
    how many there were not.
    """
    ((made,),) = _rows(
        "SELECT count(*) FILTER (WHERE audit_make_day((now() AT TIME ZONE 'UTC')::date + n))"
        " FROM generate_series(0, %s) n",
        values=[ahead],
    )
    return int(made)


def lock_audit() -> None:
    """Let nobody write to the audit until the transaction ends. Raises OperationalError where
    somebody has done so and not committed for a while, or holds the days.
    """
    _run(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
    _run("SELECT pg_advisory_xact_lock(1635083369, 3)")
    _run("LOCK TABLE audit_entries, audit_links IN ACCESS EXCLUSIVE MODE")


def drop_day(*, day: date, position: int, head: bytes) -> None:
    """Drop the day's partitions, and put that and its last link in the chain of the days."""
    _rows("SELECT audit_change_day(%s, 'drop', %s, %s)", values=[day, position, head])
    for table in (entries_table(day), links_table(day)):
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(table)))


def is_installed() -> bool:
    """Whether the database has an audit yet."""
    ((there,),) = _rows("SELECT to_regclass('audit_entries') IS NOT NULL")
    return bool(there)


def _set_timeout(value: str) -> None:
    _rows("SELECT set_config('statement_timeout', %s, true)", values=[value])


def _days_of(table: str) -> list[date]:
    found = _rows(
        "SELECT to_date(right(c.relname, 8), 'YYYYMMDD') FROM pg_inherits i"
        " JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = %s::regclass ORDER BY 1",
        values=[table],
    )
    return [day for (day,) in found]


def _run(statement: str, values: list[Any] | None = None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _rows(statement: str, *tables: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        composed = sql.SQL(statement).format(*map(sql.Identifier, tables))
        cursor.execute(composed, values)
        return cursor.fetchall() if cursor.description is not None else []
