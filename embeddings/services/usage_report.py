"""The ledger of use as it is read: summed by what its reader asks for, and only what it may see."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet, Sum

from accounts.models import ApiToken, Team, User
from accounts.policy import Action
from accounts.principal import Principal
from embeddings.exceptions import InvalidRequest
from embeddings.models import Collection, Usage
from embeddings.services.usage import flush_usage
from embeddings.types.usage import UsageField, UsageQuery, UsageReport

MAX_DAYS = 366
MAX_ROWS = 10_000
GIB = 1024**3

SUMS = {
    name: Sum(name)
    for name in (
        *("requests", "tokens", "cached_tokens", "compute_ms"),
        *("documents", "storage_bytes", "cost"),
    )
}


@dataclass(frozen=True, slots=True)
class _Named:
    """What an id of the ledger stands for, and the columns that show which of its fields."""

    model: type[Model]
    columns: Mapping[str, str]


NAMED = {
    UsageField.USER: _Named(User, {"user": "username"}),
    UsageField.TEAM: _Named(Team, {"team": "name"}),
    UsageField.TOKEN: _Named(ApiToken, {"token": "key", "token_name": "name"}),
    UsageField.COLLECTION: _Named(Collection, {"collection": "name"}),
}


def usage_report(*, principal: Principal, query: UsageQuery) -> UsageReport:
    """What was used on the days, as far as the principal may see it, with the last second of this
    process. What is gone, or not the principal's to see, has an id and no name.

    Raises InvalidRequest for too many days or rows.
    """
    if query.start > query.end or (query.end - query.start).days >= MAX_DAYS:
        detail = f"Ask for 1 to {MAX_DAYS} days, the first before the last."
        raise InvalidRequest(param="start", detail=detail)
    flush_usage()
    found = _narrowed(Usage.objects.visible_to(principal), principal, query)
    columns = [_column(field) for field in query.group_by]
    rows = list(
        found.order_by(*columns).values(*columns).annotate(**SUMS)[: MAX_ROWS + 1]
        if columns
        else []
    )
    if len(rows) > MAX_ROWS:
        detail = f"There are more than {MAX_ROWS} rows. Ask for fewer days, or fewer groups."
        raise InvalidRequest(param="group_by", detail=detail)
    names = {field: _names(principal, field, rows) for field in query.group_by if field in NAMED}
    return UsageReport(
        query=query,
        rows=[_shown(row, query.group_by, names) for row in rows],
        total=_amounts(found.order_by().aggregate(**SUMS)),
    )


def _narrowed(rows: QuerySet[Usage], principal: Principal, query: UsageQuery) -> QuerySet[Usage]:
    rows = rows.filter(day__gte=query.start, day__lte=query.end)
    if query.model is not None:
        rows = rows.filter(model=query.model)
    if query.user is not None:
        rows = rows.filter(user_id__in=User.objects.filter(username=query.user).values("pk"))
    if query.team is not None:
        rows = rows.filter(team_id__in=Team.objects.filter(name=query.team).values("pk"))
    if query.collection is not None:
        seen = Collection.objects.visible_to(principal, Action.READ).filter(name=query.collection)
        rows = rows.filter(collection_id__in=list(seen.values_list("pk", flat=True)))
    return rows


def _column(field: UsageField) -> str:
    return f"{field.value}_id" if field in NAMED else field.value


def _names(
    principal: Principal, field: UsageField, rows: Iterable[Mapping[str, Any]]
) -> dict[Any, dict[str, Any]]:
    """The shown columns of each id that the principal may know by name."""
    named, column = NAMED[field], _column(field)
    found: QuerySet[Any] = named.model._default_manager.all()
    if field == UsageField.COLLECTION:
        found = Collection.objects.visible_to(principal, Action.READ)
    ids = {row[column] for row in rows} - {None}
    fields = ["pk", *named.columns.values()]
    return {
        pk: dict(zip(named.columns, values, strict=True))
        for pk, *values in found.filter(pk__in=ids).values_list(*fields)
    }


def _shown(
    row: Mapping[str, Any],
    group_by: Iterable[UsageField],
    names: Mapping[UsageField, Mapping[Any, Mapping[str, Any]]],
) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for field in group_by:
        column = _column(field)
        if field in NAMED:
            nameless = dict.fromkeys(NAMED[field].columns)
            shown |= names[field].get(row[column], nameless)
        shown[column] = row[column]
    return shown | _amounts(row)


def _amounts(row: Mapping[str, Any]) -> dict[str, Any]:
    """The sums; those of no rows are None in SQL."""
    counts = ("requests", "tokens", "cached_tokens", "documents")
    return {
        **{name: row[name] or 0 for name in counts},
        "compute_ms": round(row["compute_ms"] or 0, 3),
        "storage_gib_days": round((row["storage_bytes"] or 0) / GIB, 9),
        "cost": round(float(row["cost"] or 0), 10),
    }
