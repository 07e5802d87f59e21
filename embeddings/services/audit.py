"""The audit as its readers see it: all of it, or what was done to their collections."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Q, QuerySet

from accounts.exceptions import NotFound
from accounts.models import AuditEntry, Outcome
from accounts.policy import Action
from accounts.principal import Principal
from accounts.services.audit_days import audit_days
from embeddings.models import Collection

Key = tuple[datetime, int]
"""Where a page ends: the time and the id of an entry."""

DAYS_AT_ONCE = 31
"""PostgreSQL locks each table and index of a query's days, and has room for some thousands of locks
in all: those of years would leave none to anybody else."""


AT_ONCE = 1_000
"""Entries of an export that are in memory together."""


@dataclass(frozen=True, slots=True)
class AuditWanted:
    """Which entries: those that agree with all that is not None. `since` is the first moment, and
    `until` the first one behind. An event that ends in a dot stands for all that begin so.
    """

    user: str | None = None
    event: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    collection: str | None = None
    outcome: Outcome | None = None
    address: str | None = None
    request_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def list_entries(
    *, principal: Principal, wanted: AuditWanted, after: Key | None = None, limit: int
) -> list[AuditEntry]:
    """The next `limit` entries, newest first, behind the key `after`: all of them for those who may
    read the audit everywhere, and of the collections whose audit they may read for others.

    A collection of which a credential shows some documents, but not all, is not among these: its
    audit tells of the others too.
    """
    rows = _visible_entries(principal)
    if wanted.collection is not None:
        named = Collection.objects.visible_to(principal, Action.AUDIT)
        rows = rows.filter(
            collection_id__in=_whole(principal, named.filter(name=wanted.collection))
        )
    if wanted.event is not None and wanted.event.endswith("."):
        rows = rows.filter(event__startswith=wanted.event)
    elif wanted.event is not None:
        rows = rows.filter(event=wanted.event)
    equal = {
        "username": wanted.user,
        "object_type": wanted.object_type,
        "object_id": wanted.object_id,
        "outcome": wanted.outcome,
        "address": wanted.address,
        "request_id": wanted.request_id,
        "at__gte": wanted.since,
        "at__lt": wanted.until,
    }
    rows = rows.filter(**{name: value for name, value in equal.items() if value is not None})
    if after is not None:
        at, pk = after
        # The first condition alone lets PostgreSQL begin there, and pass over later days.
        rows = rows.filter(Q(at__lt=at) | Q(pk__lt=pk), at__lte=at)
    found: list[AuditEntry] = []
    for stretch in _stretches(wanted, after):
        found += rows.filter(stretch).order_by("-at", "-id")[: limit - len(found)]
        if len(found) == limit:
            break
    return found


def pages_of_entries(*, principal: Principal, wanted: AuditWanted) -> Iterator[list[AuditEntry]]:
    """All that list_entries would show, so many at a time that memory stays bounded."""
    after: Key | None = None
    while found := list_entries(principal=principal, wanted=wanted, after=after, limit=AT_ONCE):
        yield found
        after = (found[-1].at, found[-1].pk)


def get_entry(*, principal: Principal, entry_id: int) -> AuditEntry:
    """Raises NotFound."""
    rows = _visible_entries(principal).filter(pk=entry_id)
    for stretch in _stretches(AuditWanted(), None):
        found = rows.filter(stretch).first()
        if found is not None:
            return found
    raise NotFound


def _stretches(wanted: AuditWanted, after: Key | None) -> Iterator[Q]:
    """The times of so many days, newest first, that may have such entries."""
    since = wanted.since
    until = min((at for at in (wanted.until, after and after[0]) if at is not None), default=None)
    days = [
        day
        for day in reversed(audit_days())
        if (until is None or _begin(day) <= until)
        and (since is None or _begin(day + timedelta(days=1)) > since)
    ]
    for start in range(0, len(days), DAYS_AT_ONCE):
        together = days[start : start + DAYS_AT_ONCE]
        behind = _begin(together[0] + timedelta(days=1))
        yield Q(at__gte=_begin(together[-1]), at__lt=behind)


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def names_of(entries: Iterable[AuditEntry]) -> dict[uuid.UUID, str]:
    """What the collections are called now, by id; those that were deleted are not there."""
    ids = {entry.collection_id for entry in entries if entry.collection_id is not None}
    return dict(Collection.objects.filter(pk__in=ids).values_list("pk", "name")) if ids else {}


def _visible_entries(principal: Principal) -> QuerySet[AuditEntry]:
    whole = principal.collections is None and principal.row_filter is None
    if whole and principal.may(Action.AUDIT):
        return AuditEntry.objects.all()
    visible = Collection.objects.visible_to(principal, Action.AUDIT)
    return AuditEntry.objects.filter(collection_id__in=_whole(principal, visible))


def _whole(principal: Principal, collections: QuerySet[Collection]) -> list[uuid.UUID]:
    """Those of which the principal sees every document."""
    found = list(collections)
    for collection in found:
        collection.narrow_to(principal, Action.AUDIT)
    return [collection.pk for collection in found if collection.row_filter is None]
