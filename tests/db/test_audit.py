"""What stands in the audit, and that it stays."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.actor import Actor, acting
from accounts.models import AuditEntry
from accounts.services.audit import entry, hash_of, record, write_entries

ALICE = Actor(1, "alice", 7, "api_token", "203.0.113.9", "request-1")


@pytest.fixture(autouse=True)
def _database(db: None) -> None:
    """Every test here needs it."""


def record_one(**changes: object) -> AuditEntry:
    values = {"event": "grant.create", "object_type": "grant", "object_id": "7"}
    record(**(values | changes))  # type: ignore[arg-type]
    return AuditEntry.objects.latest("id")


def test_it_works() -> None:
    with acting(ALICE):
        made = record_one(before={"role": "viewer"}, after={"role": "editor", "secret": "hush"})
    made.refresh_from_db()
    assert (made.user_id, made.username, made.token_id) == (1, "alice", 7)
    assert (made.credential, made.address, made.request_id) == (
        "api_token",
        "203.0.113.9",
        "request-1",
    )
    assert (made.event, made.outcome) == ("grant.create", "success")
    assert made.before == {"role": "viewer"}
    assert made.after == {"role": "editor", "secret": hash_of("hush")}
    assert abs(made.at - datetime.now(UTC)) < timedelta(minutes=1)


def test_no_texts_or_secrets() -> None:
    made = record_one(
        after={
            "password": "hush",
            "api_token": "hush",
            "tokens_per_day": 5,
            "documents": [{"text": "private"}],
            "deep": [{"query": "private"}],
            "long": "private" * 1000,
            "metadata": {"email": "private"},
        }
    )
    assert made.after is not None
    spelled = str(made.after)
    assert "hush" not in spelled
    assert "private" not in spelled
    assert made.after["tokens_per_day"] == 5
    assert made.after["deep"] == [{"query": hash_of("private")}]


def test_what_postgresql_cannot_hold() -> None:
    made = record_one(object_id="a\0b\ud800", after={"name\0": "a\0b\ud800"})
    assert made.object_id == "a\ufffdb?"
    assert made.after == {"name\ufffd": "a\ufffdb?"}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET username = 'mallory'",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
        "UPDATE audit_links SET entry_id = 0",
        "DELETE FROM audit_links",
        "TRUNCATE audit_links",
        "UPDATE audit_days SET change = 'drop'",
        "DELETE FROM audit_days",
        "TRUNCATE audit_days",
        "UPDATE {entries} SET username = 'mallory'",
        "DELETE FROM {entries}",
        "TRUNCATE {entries}",
        "DELETE FROM {links}",
        "TRUNCATE {links}",
    ],
)
def test_it_stays(statement: str) -> None:
    made = record_one()
    today = made.at.astimezone(UTC).strftime("%Y%m%d")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError, match="only ever added"), transaction.atomic():
            cursor.execute(
                statement.format(entries=f"audit_entries_{today}", links=f"audit_links_{today}")
            )


def test_a_day_without_a_partition_gets_one() -> None:
    """Even behind another entry of the same transaction."""
    record_one()
    at = datetime(2031, 5, 6, 23, 59, 59, tzinfo=UTC)
    write_entries([entry(event="a.b", object_type="a", object_id="1", at=at.isoformat())])
    with connection.cursor() as cursor:
        cursor.execute("SELECT object_id FROM audit_entries_20310506")
        assert cursor.fetchall() == [("1",)]
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SELECT position FROM audit_links WHERE day = '2031-05-06'")
        assert cursor.fetchall() == [(1,)]


@pytest.mark.django_db(transaction=True)
def test_not_without_a_transaction() -> None:
    with pytest.raises(RuntimeError, match="in the transaction"):
        record(event="a.b", object_type="a", object_id="1")
