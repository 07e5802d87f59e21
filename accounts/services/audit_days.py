"""The audit's days: their partitions are made beforehand, and dropped whole once verified."""

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import structlog
from django.conf import settings
from django.db import OperationalError, transaction
from psycopg.errors import DeadlockDetected, LockNotAvailable

from accounts.services.audit import record
from accounts.services.audit_chain import Broken, Fault, opened_days, verify_day
from accounts.store import audit as store
from accounts.store.audit import DayChange

log = structlog.stdlib.get_logger("accounts.audit")

AHEAD = 7
"""Days whose partitions are there before they begin: whoever writes on a day that has none makes
it, and others wait for that transaction's end."""

DROP_ATTEMPTS = 5
ATTEMPT_PAUSE_S = 1.0
"""Behind the first attempt, and longer by as much behind each other one: a vacuum of one of the
audit's tables ends meanwhile, and writers go on.
"""


@dataclass(slots=True)
class Retention:
    """The days that were dropped, with how many entries each; those that must wait as the audit was
    busy; and the fault that kept all from a day on.
    """

    dropped: dict[date, int]
    busy: list[date]
    fault: Fault | None = None


def audit_days() -> list[date]:
    """The days that may have entries, in their order."""
    return store.days()


def make_audit_days() -> int:
    """Make the partitions of today and of the days to come; returns how many there were not. Does
    nothing in a database without an audit.
    """
    with transaction.atomic():
        return store.make_days(ahead=AHEAD) if store.is_installed() else 0


def keep_audit_days() -> None:
    """Both, as the worker has it done every hour; a fault is told by the log."""
    make_audit_days()
    result = drop_audit_days()
    for day, entries in result.dropped.items():
        log.info("audit_dropped", day=day.isoformat(), entries=entries)
    if result.fault is not None:
        log.error("audit_broken", day=result.fault.day.isoformat(), problem=result.fault.problem)


def drop_audit_days(*, keep_days: int | None = None) -> Retention:
    """Verify and drop the days that are older than `keep_days`, by default the option
    `audit_retention_days`, whose 0 keeps all. A day that is not what was written stays, as do those
    behind it.
    """
    keep = settings.EMBED.audit_retention_days if keep_days is None else keep_days
    result = Retention({}, [])
    if not keep:
        return result
    first = datetime.now(UTC).date() - timedelta(days=keep)
    try:
        for day, change in sorted(opened_days().items()):
            if day >= first:
                break
            with transaction.atomic():
                count = verify_day(change=change)
            if _drop_soon(change, count):
                result.dropped[day] = count
            else:
                result.busy.append(day)
    except Broken as broken:
        result.fault = broken.fault
    return result


def _drop_soon(change: DayChange, count: int) -> bool:
    for attempt in range(DROP_ATTEMPTS):
        time.sleep(attempt * ATTEMPT_PAUSE_S)
        try:
            with transaction.atomic():
                _drop(change, count)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
                raise
            continue  # it is held for longer than writers are to wait for us
        return True
    return False


def _drop(change: DayChange, count: int) -> None:
    """Raises OperationalError, and Broken where the day was written to since it was verified."""
    store.lock_audit()
    last = store.last_link(day=change.day)
    if last is None or last[0] != count:
        raise Broken(Fault(change.day, "The day has changed while it was verified."))
    position, head = last
    record(
        event="audit.drop",
        object_type="audit_day",
        object_id=change.day.isoformat(),
        before={"entries": count, "hash": head.hex()},
    )
    store.drop_day(day=change.day, position=position, head=head)
