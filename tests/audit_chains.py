"""A chain of a test's own, past and present, and ways to break it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

from django.db import connection

from accounts.models import AuditEntry
from accounts.services.audit import entry, write_entries

TODAY = datetime.now(UTC).date()


def days_ago(days: int) -> date:
    """The day, in UTC."""
    return TODAY - timedelta(days=days)


def write(day: date, *object_ids: str) -> list[AuditEntry]:
    """Entries at the noon of the day, linked as a commit would."""
    at = f"{day}T12:00:00Z"
    write_entries(
        [entry(event="a.b", object_type="a", object_id=name, at=at) for name in object_ids]
    )
    link()
    return list(AuditEntry.objects.order_by("-id")[: len(object_ids)])[::-1]


def link() -> None:
    """What happens at the commit, which the transaction of a test never comes to."""
    run("SET CONSTRAINTS ALL IMMEDIATE")
    run("SET CONSTRAINTS ALL DEFERRED")


def run(statement: str) -> None:
    """In the transaction of the test."""
    with connection.cursor() as cursor:
        cursor.execute(statement)


@contextmanager
def unprotected(*tables: str) -> Iterator[None]:
    """As whoever owns the tables, or a superuser, can have it."""
    for table in tables:
        run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    yield
    for table in tables:
        run(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def empty() -> None:
    """Begin it anew, where something is in it."""
    with connection.cursor() as cursor:
        cursor.execute(EMPTY)


EMPTY = """
    DO $$ DECLARE name regclass; BEGIN
        IF NOT EXISTS (SELECT FROM audit_days) THEN RETURN; END IF;
        FOR name IN
            SELECT 'audit_days'::regclass UNION ALL SELECT inhrelid FROM pg_inherits
            WHERE inhparent IN ('audit_entries'::regclass, 'audit_links'::regclass)
        LOOP
            EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', name);
            EXECUTE format('TRUNCATE %s', name);
            EXECUTE format('ALTER TABLE %s ENABLE TRIGGER USER', name);
        END LOOP;
    END $$"""
