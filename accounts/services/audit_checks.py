"""Whether single days and entries of the audit are what was written, for people who ask."""

import hashlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from time import monotonic

from django.db import transaction

from accounts.exceptions import NotFound
from accounts.models import AuditEntry, Outcome
from accounts.services.audit import record
from accounts.services.audit_chain import Broken, Fault, opened_days, whole_links
from accounts.store import audit as store

CHECK_S = 20.0
"""A request may take so long; `verify_audit` takes as long as it needs."""

CHECKS_WITHIN_MS = 400
"""A page is to take less than a second. Half a million entries are read in that time."""


class LinkState(StrEnum):
    """Whether an entry is what was written."""

    WHOLE = "whole"
    CHANGED = "changed"
    UNLINKED = "unlinked"


@dataclass(frozen=True, slots=True)
class EntryLink:
    """An entry's place in the chain of its day; `hash` is in hexadecimal digits."""

    day: date
    state: LinkState
    position: int | None = None
    hash: str = ""


@dataclass(frozen=True, slots=True)
class LastCheck:
    """What a check of a day that is on record found: that its first `entries` are whole, unless
    there is a problem.
    """

    at: datetime
    username: str
    entries: int
    problem: str | None


@dataclass(frozen=True, slots=True)
class DayState:
    """A day of the audit: how many entries it has, and its last link's hash in hexadecimal digits,
    which anchors keep. `is_opened` is false of a day that the chain of the days does not know.
    """

    day: date
    entries: int
    hash: str
    is_opened: bool
    check: LastCheck | None


@dataclass(frozen=True, slots=True)
class DayStates:
    """The states of days that have entries, in their order; what is wrong with the chain of the
    days; and whether their checks were found in time.
    """

    states: list[DayState]
    fault: Fault | None
    checks_are_known: bool


@dataclass(frozen=True, slots=True)
class DayCheck:
    """How many entries of a day were found whole, whether those are all, and what is wrong."""

    day: date
    entries: int
    is_complete: bool
    fault: Fault | None = None


def check_entry(*, entry: AuditEntry) -> EntryLink:
    """The entry against its link, and the link before that."""
    day = entry.at.astimezone(UTC).date()
    found = store.link_of(day=day, entry_id=entry.pk) if store.has_partitions(day=day) else None
    if found is None or found[0].position is None or found[0].hash is None:
        return EntryLink(day, LinkState.UNLINKED)
    link, before = found
    if link.position == 1:
        opened = (each for each in store.day_changes() if (each.day, each.change) == (day, "open"))
        before = next((each.hash for each in opened), None)
    digest = hashlib.sha256((before or b"") + (link.canonical or b"")).digest()
    state = LinkState.WHOLE if digest == link.hash else LinkState.CHANGED
    return EntryLink(day, state, link.position, (link.hash or b"").hex())


def day_states(*, days: Sequence[date]) -> DayStates:
    """Of the days, which are in their order; the chain of the days is computed anew for it."""
    fault = None
    opened: set[date] = set()
    try:
        opened = {*opened_days()}
    except Broken as broken:
        fault = broken.fault
    last = store.last_links(days=days)
    rows = store.checks_of_days(since=min(last), within_ms=CHECKS_WITHIN_MS) if last else []
    checks = {
        day: LastCheck(at, username, found["entries"], found["problem"])
        for day, at, username, found in rows or ()
    }
    states = [
        DayState(day, *_shown(last[day]), day in opened, checks.get(day.isoformat()))
        for day in days
        if day in last
    ]
    return DayStates(states, fault, rows is not None)


def check_day(*, day: date, seconds: float = CHECK_S) -> DayCheck:
    """Compute the day's chain anew, as far as the seconds reach, and put on record that it was
    done. Raises NotFound for a day that has no entries.
    """
    if not store.last_links(days=[day]):
        raise NotFound
    entries, is_complete, fault, ends = 0, True, None, monotonic() + seconds
    try:
        change = opened_days().get(day)
        if change is None:
            raise Broken(Fault(day, "The day has entries, but was never begun."))
        with (
            store.holding_days(),
            transaction.atomic(),
            closing(whole_links(change=change)) as links,
        ):
            for position in links:
                entries = position
                if monotonic() > ends:
                    is_complete = False
                    break
    except Broken as broken:
        fault = broken.fault
    found = DayCheck(day, entries, is_complete, fault)
    _record(found)
    return found


def _record(found: DayCheck) -> None:
    problem = None if found.fault is None else found.fault.problem
    with transaction.atomic():
        record(
            event="audit.verify",
            object_type="audit_day",
            object_id=found.day.isoformat(),
            after={"entries": found.entries, "complete": found.is_complete, "problem": problem},
            outcome=Outcome.SUCCESS if problem is None else Outcome.FAILURE,
        )


def _shown(link: tuple[int, bytes]) -> tuple[int, str]:
    return link[0], link[1].hex()
