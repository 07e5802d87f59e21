"""What changes nothing is written together, a moment later."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import DataError, OperationalError
from pytest import MonkeyPatch

from accounts.actor import Actor, acting
from accounts.models import AuditEntry
from accounts.services import audit_buffer
from accounts.services.audit_buffer import flush_notes, may_note_stranger, note
from tests.statements import recorded_statements

pytestmark = pytest.mark.django_db
ID = UUID("0b6d8a52-6c0f-4e0e-9a6e-0d6f3f0a8c11")


def note_one(**changes: Any) -> None:
    note(**{"event": "a.b", "object_type": "a", "object_id": "1"} | changes)


def test_it_works() -> None:
    with acting(Actor(1, "alice", 7, "api_token", "203.0.113.9", "request-1")):
        note_one(after={"hits": 3, "query": "private"}, collection_id=ID)
    note_one(collection_id=lambda: ID)
    assert not AuditEntry.objects.exists()
    with recorded_statements() as statements:
        flush_notes()
    assert len([sql for sql in statements if "audit_record" in sql]) == 1
    first, second = AuditEntry.objects.order_by("id")
    assert (first.username, first.token_id, first.collection_id) == ("alice", 7, ID)
    assert first.after is not None
    assert first.after["hits"] == 3
    assert "private" not in str(first.after)
    assert (second.username, second.collection_id) == ("", ID)
    assert abs(first.at - datetime.now(UTC)) < timedelta(minutes=1)


def test_an_outage_loses_nothing(monkeypatch: MonkeyPatch) -> None:
    def gone(entries: Any) -> None:
        raise OperationalError

    note_one(object_id="1")
    note_one(object_id="2")
    with monkeypatch.context() as patched:
        patched.setattr(audit_buffer, "write_entries", gone)
        with pytest.raises(OperationalError):
            flush_notes()
    note_one(object_id="3")
    flush_notes()
    assert [made.object_id for made in AuditEntry.objects.order_by("id")] == ["1", "2", "3"]


def test_what_is_lost_is_counted(monkeypatch: MonkeyPatch) -> None:
    def refused(entries: Any) -> None:
        raise DataError

    monkeypatch.setattr(audit_buffer, "MOST_WAITING", 2)
    for _ in range(5):
        note_one()
    with monkeypatch.context() as patched:
        patched.setattr(audit_buffer, "write_entries", refused)
        with pytest.raises(DataError):
            flush_notes()
    note_one()
    flush_notes()
    written, lost = AuditEntry.objects.order_by("id")
    assert (written.event, lost.event, lost.outcome) == ("a.b", "audit.lose", "failure")
    assert lost.after == {"entries": 5}


def test_what_has_no_entry_is_lost_too() -> None:
    def surprise() -> None:
        raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "a name that no database knows")

    note_one(collection_id=surprise)
    with pytest.raises(UnicodeEncodeError):
        flush_notes()
    note_one()
    flush_notes()
    _, lost = AuditEntry.objects.order_by("id")
    assert lost.after == {"entries": 1}


def test_strangers_are_counted_together(monkeypatch: MonkeyPatch) -> None:
    noted = [may_note_stranger() for _ in range(audit_buffer.STRANGERS + 5)]
    assert noted == [True] * audit_buffer.STRANGERS + [False] * 5
    monkeypatch.setattr(audit_buffer._waiting, "strangers_until", 0.0)
    assert may_note_stranger()
    flush_notes()
    assert AuditEntry.objects.get().after == {"status": 401, "unrecorded": 5}
