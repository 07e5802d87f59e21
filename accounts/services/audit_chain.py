"""Whether the audit is what was written: its chains computed anew, here and not in the database.

Whoever may change the tables could compute new hashes for all that follows, too: only anchors,
which are kept elsewhere, tell that.
"""

import hashlib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from django.db import transaction

from accounts.store import audit as store
from accounts.store.audit import DayChange

ANCHORED_DAYS = 2
"""Yesterday's chain still grows by what was begun before midnight."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """What the audit was at some time: the last link of a day, and of the chain of the days."""

    day: date
    position: int
    hash: bytes
    ordinal: int
    days_hash: bytes


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing that is not as it was written; of a whole day where there is no position."""

    day: date
    problem: str
    position: int | None = None
    entry_id: int | None = None


class Broken(Exception):
    """The audit is not what was written."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(f"{fault.day}: {fault.problem}")


@dataclass(slots=True)
class Verified:
    """What was found: the days that are there, with how many entries each, and what is wrong."""

    entries: dict[date, int] = field(default_factory=dict)
    dropped: int = 0
    anchors: int = 0
    fault: Fault | None = None


def verify_audit(
    *, anchors: Sequence[Anchor] = (), on_day: Callable[[date], object] = lambda _: None
) -> Verified:
    """Check the chain of the days, each day's, and that they agree with the anchors; it ends at the
    first fault. `on_day` hears of each day that was found whole.
    """
    found = Verified()
    try:
        with store.holding_days():
            _verify(found, anchors, on_day)
    except Broken as broken:
        found.fault = broken.fault
    return found


def _verify(found: Verified, anchors: Sequence[Anchor], on_day: Callable[[date], object]) -> None:
    used = store.days_with_entries()  # before the changes, as a day may begin meanwhile
    changes = _verified_changes()
    opened = _opened(changes)
    found.dropped = sum(change.change == "drop" for change in changes)
    for change in opened.values():
        with transaction.atomic():
            _check_day_before(change, opened, changes)
            found.entries[change.day] = verify_day(change=change)
        on_day(change.day)
    _check_opened(used, opened)
    for anchor in anchors:
        _check_anchor(anchor, opened, changes)
        found.anchors += 1


def verify_day(*, change: DayChange) -> int:
    """How many entries the day has, which `change` opened. Raises Broken."""
    return max(whole_links(change=change))


def whole_links(*, change: DayChange) -> Generator[int, None, None]:
    """The positions of the day's links, at least one, each once it and its entry were found to be
    what was written. Inside a transaction. Raises Broken.
    """
    if not store.has_partitions(day=change.day):
        raise Broken(Fault(change.day, "The day is missing, and was not dropped by the retention."))
    before, count = change.hash, 0
    for link in store.links(day=change.day):
        problem = None
        digest = b"" if link.canonical is None else _sha256(before, link.canonical)
        if link.position is None:
            problem = "The entry is in no chain: it was put there past the trigger."
        elif link.position != count + 1:
            problem = f"The links before this one are missing, from {count + 1} on."
        elif link.canonical is None:
            problem = "The entry is missing."
        elif link.hash != digest:
            problem = "The entry, or its link, was changed."
        if problem is not None:
            raise Broken(Fault(change.day, problem, link.position, link.entry_id))
        before, count = digest, count + 1
        yield count
    if not count:
        raise Broken(Fault(change.day, "The day's entries are missing."))


def opened_days() -> dict[date, DayChange]:
    """The days that are there, in the order in which they were opened. Raises Broken."""
    return _opened(_verified_changes())


def current_anchors() -> list[Anchor]:
    """Of the last days. Raises Broken."""
    changes = _verified_changes()
    if not changes:
        return []
    anchors = []
    for day in list(_opened(changes))[-ANCHORED_DAYS:]:
        last = store.last_link(day=day) if store.has_partitions(day=day) else None
        if last is None:
            raise Broken(Fault(day, "The day is missing."))
        anchors.append(Anchor(day, *last, changes[-1].ordinal, changes[-1].hash))
    return anchors


def _verified_changes() -> list[DayChange]:
    changes = store.day_changes()
    before = b""
    for count, change in enumerate(changes, 1):
        if change.ordinal != count or change.hash != _sha256(before, change.canonical):
            raise Broken(Fault(change.day, "The chain of the days was changed here."))
        before = change.hash
    return changes


def _opened(changes: Sequence[DayChange]) -> dict[date, DayChange]:
    opened: dict[date, DayChange] = {}
    for change in changes:
        if change.change == "drop":
            opened.pop(change.day, None)
        elif change.day in opened:
            raise Broken(Fault(change.day, "The day was begun twice: its first chain is missing."))
        else:
            opened[change.day] = change
    return opened


def _check_day_before(
    change: DayChange, opened: dict[date, DayChange], changes: Sequence[DayChange]
) -> None:
    """A day is opened with what was the last link of the day opened before it."""
    earlier = [c for c in _openings(changes) if c.ordinal < change.ordinal]
    if change.position is None or not earlier or earlier[-1].day not in opened:
        return
    before = earlier[-1]
    if not store.has_partitions(day=before.day):
        return  # which is told of the day itself
    if store.link_at(day=before.day, position=change.position) != change.head:
        raise Broken(
            Fault(before.day, "The day ended otherwise when the next began.", change.position)
        )


def _openings(changes: Sequence[DayChange]) -> Iterator[DayChange]:
    return (change for change in changes if change.change == "open")


def _check_opened(used: Sequence[date], opened: dict[date, DayChange]) -> None:
    for day in used:
        if day not in opened:
            raise Broken(Fault(day, "The day has entries, but was never begun."))


def _check_anchor(
    anchor: Anchor, opened: dict[date, DayChange], changes: Sequence[DayChange]
) -> None:
    days = {change.ordinal: change.hash for change in changes}
    if days.get(anchor.ordinal) != anchor.days_hash:
        raise Broken(Fault(anchor.day, "The chain of the days is not what the anchor says."))
    drops = {change.day: change for change in changes if change.change == "drop"}
    if anchor.day in opened:
        kept = store.link_at(day=anchor.day, position=anchor.position)
    elif anchor.day in drops and drops[anchor.day].position != anchor.position:
        return  # the day has grown since, and is gone
    else:
        kept = drops[anchor.day].head if anchor.day in drops else None
    if kept != anchor.hash:
        raise Broken(Fault(anchor.day, "The chain is not what the anchor says.", anchor.position))


def _sha256(before: bytes, canonical: bytes) -> bytes:
    return hashlib.sha256(before + canonical).digest()
