"""How much the service is used, by whom, what it costs, and whether it answers."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Sum

from accounts.principal import Principal
from embeddings.models import Collection, Usage
from embeddings.services.series import Series, series, totals
from embeddings.services.usage_report import usage_report
from embeddings.types.chart import Chart, Unit
from embeddings.types.dashboard import Column, Dashboard, Level, Row, Table, Tile, Window
from embeddings.types.usage import UsageField, UsageQuery, UsageReport

CLASSES = {
    "answered": ("requests_2xx", "requests_3xx"),
    "refused (4xx)": ("requests_4xx",),
    "failed (5xx)": ("requests_5xx",),
}

AVAILABLE = 0.999
BARELY_AVAILABLE = 0.99
"""Three nines are what services like this one promise; below two, somebody is being let down."""

TEAMS = 10


def executive_dashboard(*, principal: Principal, window: Window) -> Dashboard:
    """By the ledger of use, as /v1/usage has it, and by the numbers over time."""
    names = [name for names in CLASSES.values() for name in names]
    over_time = series(names=[*names, "documents"], **window.steps)
    counted = totals(
        names=["requests", "requests_5xx", "documents_added", "documents_updated"],
        **window.ends,
    )
    by_team = _report(principal, window, UsageField.TEAM)
    by_day = _report(principal, window, UsageField.DAY)
    return Dashboard(
        figures={
            "Service": [*_request_tiles(counted), _users(principal, window)],
            "Content": _stored(counted, over_time),
            "Use": _used(by_team, window),
        },
        charts=[
            _requests(over_time),
            Chart(
                key="documents",
                title="Documents stored",
                unit=Unit.COUNT,
                points=over_time.times,
                lines={"documents": over_time.values["documents"]},
            ),
            _tokens(by_day),
            _teams(by_team),
        ],
        tables=[_team_table(by_team)],
    )


def _report(principal: Principal, window: Window, field: UsageField) -> UsageReport:
    query = UsageQuery(start=window.since.date(), end=window.until.date(), group_by=(field,))
    return usage_report(principal=principal, query=query)


def _request_tiles(counted: dict[str, float]) -> list[Tile]:
    requests, failed = counted["requests"], counted["requests_5xx"]
    available = 1 - failed / requests if requests else None
    level = None
    if available is not None:
        level = Level.BAD if available < BARELY_AVAILABLE else Level.WARNING
        level = Level.GOOD if available >= AVAILABLE else level
    hint = f"{failed:,.0f} answers were 5xx"
    return [
        Tile("Availability", available, Unit.SHARE, hint=hint, level=level),
        Tile("Requests", requests, hint="health checks apart"),
    ]


def _users(principal: Principal, window: Window) -> Tile:
    rows = Usage.objects.visible_to(principal).order_by()
    rows = rows.filter(day__gte=window.since.date(), day__lte=window.until.date())
    rows = rows.filter(requests__gt=0)  # each day's storage is on record of owners who did nothing
    users = rows.aggregate(users=Count("user_id", distinct=True))["users"]
    return Tile("Active users", users, hint=_since(window))


def _stored(counted: dict[str, float], over_time: Series) -> list[Tile]:
    now = Collection.objects.order_by().aggregate(
        collections=Count("pk"), documents=Sum("document_count", default=0)
    )
    known = [value for value in over_time.values["documents"] if value is not None]
    growth = now["documents"] - known[0] if known else None
    before = f"{known[0]:,.0f} at the beginning" if known else "not known yet"
    added, updated = counted["documents_added"], counted["documents_updated"]
    return [
        Tile("Documents", now["documents"], hint=f"collections: {now['collections']:,}"),
        Tile("Growth", growth, hint=before),
        Tile("Documents added", added, hint=f"{updated:,.0f} more were changed"),
    ]


def _used(report: UsageReport, window: Window) -> list[Tile]:
    total = report.total
    cached = total["cached_tokens"] / total["tokens"] if total["tokens"] else 0
    return [
        Tile("Tokens", total["tokens"], hint=f"{cached:.0%} from the cache, {_since(window)}"),
        Tile("Cost", total["cost"], Unit.COST, hint=_since(window)),
    ]


def _since(window: Window) -> str:
    """The ledger knows days alone."""
    return f"since {window.since:%d %b}, 00:00 UTC"


def _requests(over_time: Series) -> Chart:
    lines = {
        label: [_sum(values) for values in zip(*(over_time.values[n] for n in names), strict=True)]
        for label, names in CLASSES.items()
    }
    return Chart(
        key="requests", title="Requests", unit=Unit.RATE, points=over_time.times, lines=lines
    )


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _tokens(report: UsageReport) -> Chart:
    return Chart(
        key="tokens",
        title="Tokens by day",
        unit=Unit.COUNT,
        points=[row["day"] for row in report.rows],
        lines={
            "read by models": [row["tokens"] - row["cached_tokens"] for row in report.rows],
            "from the cache": [row["cached_tokens"] for row in report.rows],
        },
        bars=True,
        stacked=True,
    )


def _teams(report: UsageReport) -> Chart:
    """Tokens where nothing has a price."""
    amount = "cost" if report.total["cost"] else "tokens"
    rows = _by_cost(report)
    return Chart(
        key="teams",
        title=f"{amount.capitalize()} by team",
        unit=Unit.COST if amount == "cost" else Unit.COUNT,
        points=[_team(row) for row in rows],
        lines={amount: [row[amount] for row in rows]},
        bars=True,
    )


def _team_table(report: UsageReport) -> Table:
    counts = ("requests", "tokens", "cached_tokens", "documents")
    return Table(
        key="by-team",
        title="Use by team",
        columns=[
            Column("Team"),
            *(Column(name.replace("_", " ").capitalize(), Unit.COUNT) for name in counts),
            Column("Cost", Unit.COST),
        ],
        rows=[
            Row([_team(row), *(row[name] for name in counts), row["cost"]])
            for row in _by_cost(report)
        ],
        empty="Nothing was used in this time.",
        about=f"The {TEAMS} with the highest cost; the page Usage has all.",
    )


def _by_cost(report: UsageReport) -> list[dict[str, Any]]:
    key = ("cost", "tokens", "requests")
    return sorted(report.rows, key=lambda row: [row[name] for name in key], reverse=True)[:TEAMS]


def _team(row: dict[str, Any]) -> str:
    if row["team_id"] is None:
        return "no team"
    return row["team"] or f"deleted team {row['team_id']}"
