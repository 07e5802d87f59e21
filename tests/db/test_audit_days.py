"""Partitions are made beforehand, and dropped whole, verified and on record."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from psycopg.errors import LockNotAvailable
from pytest import MonkeyPatch

from accounts.models import AuditEntry
from accounts.services import audit_days
from accounts.services.audit_chain import verify_audit
from accounts.services.audit_days import AHEAD, drop_audit_days, make_audit_days
from accounts.store import audit as store
from tests.audit_chains import days_ago, link, run, unprotected, write
from tests.log_capture import capture_logs

pytestmark = pytest.mark.django_db
OLD, OLDER = days_ago(40), days_ago(50)


@pytest.fixture
def old_days() -> None:
    write(OLDER, "a", "b")
    write(OLD, "c")
    write(days_ago(1), "d")


def test_made_beforehand() -> None:
    make_audit_days()
    assert make_audit_days() == 0
    today = datetime.now(UTC).date()  # the run may have begun before midnight
    assert all(store.has_partitions(day=today + timedelta(days=n)) for n in range(AHEAD + 1))


def test_it_works(old_days: None) -> None:
    result = drop_audit_days(keep_days=30)
    link()
    assert (result.dropped, result.busy, result.fault) == ({OLDER: 2, OLD: 1}, [], None)
    assert not store.has_partitions(day=OLD)
    drops = AuditEntry.objects.filter(event="audit.drop").order_by("id")
    assert [made.object_id for made in drops] == [str(OLDER), str(OLD)]
    assert drops[0].before is not None
    assert drops[0].before["entries"] == 2
    found = verify_audit()
    assert (found.fault, found.dropped) == (None, 2)
    assert drop_audit_days(keep_days=30).dropped == {}


def test_all_are_kept_by_default(old_days: None) -> None:
    assert drop_audit_days().dropped == {}
    assert store.has_partitions(day=OLDER)


def test_by_the_option(old_days: None, settings: Any) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"audit_retention_days": 45})
    assert list(drop_audit_days().dropped) == [OLDER]


def test_a_broken_day_stays(old_days: None) -> None:
    entries = store.entries_table(OLDER)
    with unprotected(entries):
        run("UPDATE audit_entries SET username = 'mallory' WHERE object_id = 'a' AND at < now()")
    out = StringIO()
    with pytest.raises(CommandError, match=r"was changed\. It stays"):
        call_command("drop_audit", keep_days=30, json=True, stdout=out)
    assert store.has_partitions(day=OLDER)
    assert store.has_partitions(day=OLD)


def test_a_busy_audit_is_left_alone(old_days: None, monkeypatch: MonkeyPatch) -> None:
    def busy() -> None:
        raise OperationalError from LockNotAvailable()

    monkeypatch.setattr(audit_days, "ATTEMPT_PAUSE_S", 0.0)
    monkeypatch.setattr(store, "lock_audit", busy)
    result = drop_audit_days(keep_days=30)
    assert (result.dropped, result.busy) == ({}, [OLDER, OLD])


def test_what_was_written_since_is_not_dropped(old_days: None, monkeypatch: MonkeyPatch) -> None:
    def late(**_: Any) -> int:
        return 1

    monkeypatch.setattr(audit_days, "verify_day", late)
    fault = drop_audit_days(keep_days=45).fault
    assert fault is not None
    assert "changed while" in fault.problem


def test_the_command(old_days: None) -> None:
    out = StringIO()
    call_command("drop_audit", keep_days=30, stdout=out)
    assert f"{OLDER}: 2 entries, verified and dropped" in out.getvalue()


def test_the_worker_tells_of_a_fault(old_days: None, settings: Any) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"audit_retention_days": 45})
    with unprotected(store.entries_table(OLDER)):
        run("UPDATE audit_entries SET username = 'mallory' WHERE object_id = 'a' AND at < now()")
    with capture_logs() as logs:
        audit_days.keep_audit_days()
    (line,) = logs.named("audit_broken")
    assert (line["day"], line["level"]) == (str(OLDER), "error")
