"""The order of the chain is that of the commits, and nothing is in it that was not committed."""

import threading
import time
from datetime import date

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import AuditEntry
from accounts.services import audit_days
from accounts.services.audit import record
from accounts.services.audit_chain import verify_audit
from accounts.services.audit_days import Retention, drop_audit_days
from tests.audit_chains import days_ago, write

pytestmark = pytest.mark.django_db(transaction=True)


def act(name: str) -> None:
    record(event="a.b", object_type="a", object_id=name)


def chained() -> list[str]:
    """What the objects of the entries are called, in the order of their links."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.object_id FROM audit_links l JOIN audit_entries e ON e.id = l.entry_id"
            " ORDER BY l.day, l.position"
        )
        return [name for (name,) in cursor.fetchall()]


def test_it_works() -> None:
    late = threading.Thread(target=commit_apart, args=["second"])
    with transaction.atomic():
        act("first to be written")
        late.start()
        late.join()  # which waits for nobody
    assert chained() == ["second", "first to be written"]
    assert verify_audit().fault is None


def commit(name: str) -> None:
    with transaction.atomic():
        act(name)


def commit_apart(name: str) -> None:
    commit(name)
    connection.close()


def test_what_is_rolled_back_never_was() -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        act("undone")
        raise ZeroDivisionError
    assert not AuditEntry.objects.exists()


def test_many_at_once() -> None:
    def work(number: int) -> None:
        for step in range(10):
            commit(f"{number}-{step}")
        connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = verify_audit()
    assert (found.fault, sum(found.entries.values())) == (None, 60)


def test_a_day_that_nobody_has_made_is_made_once() -> None:
    together = threading.Barrier(6)
    faults = []

    def work() -> None:
        together.wait()
        try:
            with transaction.atomic():
                write(days_ago(400), "late")
                time.sleep(0.05)  # so that others are found waiting
        except DatabaseError as error:
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert verify_audit().entries == {days_ago(400): 6}


def test_no_day_is_dropped_while_it_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    for days in (3, 2):
        with transaction.atomic():
            write(days_ago(days), "old")
    dropped = []

    def drop(_: date) -> None:
        drops = threading.Thread(target=lambda: dropped.append(drop_apart()))
        drops.start()
        drops.join()

    with monkeypatch.context() as patched:
        patched.setattr(audit_days, "DROP_ATTEMPTS", 1)  # it would be in vain each time
        assert verify_audit(on_day=drop).fault is None
    assert [(result.dropped, result.fault) for result in dropped] == [({}, None)] * 2
    assert drop_apart().dropped == {days_ago(3): 1, days_ago(2): 1}


def test_no_more_than_a_day_is_locked_at_a_time() -> None:
    for days in (3, 2):
        with transaction.atomic():
            write(days_ago(days), "old")
    held = []

    def look(_: date) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid()"
                " AND relation::regclass::text LIKE 'audit_%'"
            )
            held.append(cursor.fetchone()[0])

    assert verify_audit(on_day=look).fault is None
    assert held == [0, 0]


def drop_apart() -> Retention:
    try:
        return drop_audit_days(keep_days=1)
    finally:
        connection.close()
