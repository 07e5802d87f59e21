"""Whatever is done to the audit past its triggers is found, and where."""

import json
from collections.abc import Callable
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEntry
from accounts.services.audit_chain import verify_audit
from tests.audit_chains import days_ago, link, run, unprotected, write

pytestmark = pytest.mark.django_db
BEFORE, LAST = days_ago(2), days_ago(1)
ENTRIES, LINKS = f"audit_entries_{LAST:%Y%m%d}", f"audit_links_{LAST:%Y%m%d}"
ENTRIES_BEFORE, LINKS_BEFORE = f"audit_entries_{BEFORE:%Y%m%d}", f"audit_links_{BEFORE:%Y%m%d}"


def forge(statement: str) -> None:
    """With the names of the two days' tables, which no test's own name may hold."""
    run(
        statement.format(
            entries=ENTRIES,
            links=LINKS,
            entries_before=ENTRIES_BEFORE,
            links_before=LINKS_BEFORE,
            last=LAST,
            before=BEFORE,
        )
    )


@pytest.fixture(autouse=True)
def chain() -> list[AuditEntry]:
    """Two days, of which the second has three entries."""
    write(BEFORE, "x", "y")
    return write(LAST, "a", "b", "c")


def verified() -> dict[str, Any]:
    out = StringIO()
    try:
        call_command("verify_audit", json=True, stdout=out)
    except CommandError as error:
        return {**json.loads(out.getvalue()), "error": str(error)}
    return dict(json.loads(out.getvalue()))


def test_it_works() -> None:
    found = verify_audit()
    assert found.fault is None
    assert {day: found.entries[day] for day in (BEFORE, LAST)} == {BEFORE: 2, LAST: 3}
    assert verified()["whole"] is True


COLUMNS = {
    "at": "at - interval '1 microsecond'",
    "user_id": "7",
    "username": "'mallory'",
    "token_id": "7",
    "credential": "'session'",
    "address": "'203.0.113.9'",
    "request_id": "'1'",
    "event": "'c.d'",
    "object_type": "'c'",
    "object_id": "'z'",
    "collection_id": "'0b6d8a52-6c0f-4e0e-9a6e-0d6f3f0a8c11'",
    "before": "'[]'",
    "after": "'null'",
    "outcome": "'denied'",
}


@pytest.mark.parametrize("column", COLUMNS)
def test_a_changed_value(chain: list[AuditEntry], column: str) -> None:
    """Of whichever column, by whoever may do anything."""
    with unprotected(ENTRIES):
        change = f"{column} = {COLUMNS[column]}"
        forge(f"UPDATE {{entries}} SET {change} WHERE object_id = 'b'")  # noqa: S608 - ours
    found = verified()
    assert found["fault"] == {
        "day": str(LAST),
        "problem": "The entry, or its link, was changed.",
        "position": 2,
        "entry_id": chain[1].pk,
    }
    assert f"{LAST}, link 2, entry {chain[1].pk}" in found["error"]


def test_each_column_is_in_the_hash() -> None:
    assert {"id", *COLUMNS} == {field.name for field in AuditEntry._meta.concrete_fields}


@pytest.mark.parametrize(
    ("statement", "problem", "position"),
    [
        ("DELETE FROM {entries} WHERE object_id = 'b'", "The entry is missing.", 2),
        ("DELETE FROM {links} WHERE position = 2", "The links before this one are missing", 3),
        ("DELETE FROM {links} WHERE position = 3", "The entry is in no chain", None),
        ("DELETE FROM {links}; DELETE FROM {entries}", "The day's entries are missing", None),
        ("UPDATE {links} SET hash = sha256('') WHERE position = 1", "was changed", 1),
        ("DROP TABLE {entries}, {links}", "The day is missing", None),
        ("DROP TABLE {entries_before}, {links_before}", "The day is missing", None),
        ("UPDATE audit_days SET hash = sha256('')", "The chain of the days was changed", None),
        ("DELETE FROM audit_days WHERE day = '{before}'", "chain of the days was changed", None),
        ("DELETE FROM audit_days WHERE day = '{last}'", "was never begun", None),
    ],
)
def test_what_is_missing(statement: str, problem: str, position: int | None) -> None:
    for table in ("audit_days", ENTRIES, LINKS):
        run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    forge(statement)
    fault = verified()["fault"]
    assert problem in fault["problem"]
    assert fault["position"] == position


def test_an_entry_past_the_trigger() -> None:
    with unprotected(ENTRIES):
        forge(
            "INSERT INTO {entries} (at, username, credential, address, request_id, event,"
            " object_type, object_id, outcome)"
            " VALUES ('{last} 13:00Z', '', '', '', '', 'a.b', 'a', '1', 'success')"
        )
    assert "in no chain" in verified()["fault"]["problem"]


def test_a_day_may_begin_meanwhile() -> None:
    def begin(day: date) -> None:
        if day == LAST:
            write(days_ago(0), "d")

    found = verify_audit(on_day=begin)
    assert (found.fault, set(found.entries)) == (None, {BEFORE, LAST})


def test_a_tail_that_is_missing_when_the_next_day_began() -> None:
    """The links alone would agree; the next day's beginning does not."""
    with unprotected(ENTRIES_BEFORE, LINKS_BEFORE):
        forge("DELETE FROM {links_before} WHERE position = 2")
        forge("DELETE FROM {entries_before} WHERE object_id = 'y'")
    fault = verified()["fault"]
    assert (fault["day"], fault["position"]) == (str(BEFORE), 2)
    assert "ended otherwise" in fault["problem"]


@pytest.fixture
def anchors(tmp_path: Path) -> Path:
    path = tmp_path / "anchors.jsonl"
    call_command("export_audit_anchor", file=path)
    return path


def test_anchors_agree(anchors: Path) -> None:
    write(LAST, "later")
    found = StringIO()
    call_command("verify_audit", anchors=anchors, stdout=found)
    assert "Anchors that agree: 2." in found.getvalue()


def compute_anew() -> None:
    """What somebody does who may change everything, and knows how the hashes are made."""
    forge("CREATE TEMP TABLE kept AS SELECT * FROM {entries} WHERE object_id <> 'b'")
    forge("DELETE FROM {links}; DELETE FROM {entries}")
    forge("DELETE FROM audit_days WHERE day = '{last}'")
    forge("ALTER TABLE {entries} ENABLE TRIGGER USER")
    forge("INSERT INTO audit_entries SELECT * FROM kept ORDER BY id")
    link()


def cut_tail() -> None:
    forge("DELETE FROM {links} WHERE position = 3; DELETE FROM {entries} WHERE object_id = 'c'")


def drop_last_day() -> None:
    forge("DROP TABLE {entries}, {links}; DELETE FROM audit_days WHERE day = '{last}'")


@pytest.mark.parametrize("deceive", [compute_anew, cut_tail, drop_last_day])
def test_only_anchors_tell(anchors: Path, deceive: Callable[[], None]) -> None:
    for table in (ENTRIES, LINKS, "audit_days"):
        run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    deceive()
    assert verify_audit().fault is None
    with pytest.raises(CommandError, match="anchor says"):
        call_command("verify_audit", anchors=anchors, stdout=StringIO())


def test_an_unreadable_anchor(tmp_path: Path) -> None:
    path = tmp_path / "anchors.jsonl"
    path.write_text('\n{"day": "yesterday"}\n')
    with pytest.raises(CommandError, match="line 2 is no anchor"):
        call_command("verify_audit", anchors=path)
