"""Whether the service does well now, and since when it does not."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count

from embeddings.constants import UNFINISHED_STATES, IndexState, JobState
from embeddings.models import Collection, Job
from embeddings.services.dependencies import dependencies
from embeddings.services.recall_history import with_newest_recall
from embeddings.services.series import Series, overall_percentiles, percentiles, series, totals
from embeddings.types.chart import Chart, Unit
from embeddings.types.dashboard import Column, Dashboard, Level, Row, Table, Target, Tile, Window
from embeddings.types.operations import Dependency, Health

FAILING = 0.01
FAILING_OFTEN = 0.05
"""Shares of 5xx: one in a hundred is more than restarts make; at one in twenty, users notice."""

QUEUE_HALF_FULL = 0.5
QUEUE_FULL = 0.75
"""Shares of the queue's room: from the second on, large requests get 503."""

LATELY = timedelta(minutes=5)

LISTED = 5

HEALTH = {Health.UP: Level.GOOD, Health.DEGRADED: Level.WARNING, Health.DOWN: Level.BAD}

NAMES = (
    *("requests", "requests_4xx", "requests_5xx", "embed_texts", "embed_tokens", "queue_tokens"),
    *("cache_lookups", "cache_hits", "jobs_queued", "jobs_running", "searches", "connections"),
)
TOTALS = ("requests", "requests_5xx", "embed_texts", "embed_tokens", "cache_lookups", "cache_hits")

Values = Sequence[float | None]


def operations_dashboard(*, window: Window) -> Dashboard:
    """What it depends on, and its signals: traffic, errors, times, how full it is."""
    health = dependencies()
    over_time = series(names=NAMES, **window.steps)
    latency = percentiles(name="request_seconds", **window.steps)
    recalls = with_newest_recall(
        Collection.objects.filter(active__index_state=IndexState.READY.value)
    ).exclude(recall=None)
    lowest = list(recalls.order_by("recall", "name")[:LISTED])
    low = recalls.filter(recall__lt=settings.EMBED.recall_min).count()
    return Dashboard(
        figures={
            "Health": [_health(each) for each in health],
            "In this time": _traffic(window),
            "Now": [_queue(window), *_jobs(), _recall(lowest, low)],
        },
        charts=[
            Chart("latency", "Time of a request", Unit.SECONDS, latency.times, latency.values),
            *_charts(over_time),
        ],
        tables=[_facts(health), _lowest(lowest)],
    )


def _health(dependency: Dependency) -> Tile:
    took = dependency.latency_ms
    answered = "" if took is None else f"Answered in {took:g} ms. "
    level = HEALTH.get(dependency.state)
    hint = f"{answered}{dependency.detail}"
    return Tile(dependency.name, dependency.state.value, hint=hint, level=level)


def _facts(health: Sequence[Dependency]) -> Table:
    told = {
        each.name: ", ".join(f"{name} {value}" for name, value in each.facts) for each in health
    }
    return Table(
        key="facts",
        title="Dependencies",
        columns=[Column("Dependency"), Column("What it says of itself")],
        rows=[Row([name, facts]) for name, facts in told.items()],
        empty="",
    )


def _traffic(window: Window) -> list[Tile]:
    counted = totals(names=TOTALS, **window.ends)
    p50, p95, p99 = overall_percentiles(names=["request_seconds"], **window.ends)["request_seconds"]
    seconds = (window.until - window.since).total_seconds()
    rates = {name: value / seconds for name, value in counted.items()}
    failed = _share(counted["requests_5xx"], counted["requests"])
    failing = _worse(failed, FAILING, FAILING_OFTEN)
    return [
        Tile("Requests", rates["requests"], Unit.RATE, hint=f"{counted['requests']:,.0f} in all"),
        Tile("Errors", failed, Unit.SHARE, hint="5xx", level=failing),
        Tile("p50", p50, Unit.SECONDS, hint="half of the requests are faster"),
        Tile("p95", p95, Unit.SECONDS, hint="19 of 20 are faster"),
        Tile("p99", p99, Unit.SECONDS, hint="99 of 100 are faster"),
        Tile(
            "Texts embedded",
            rates["embed_texts"],
            Unit.RATE,
            hint=f"{rates['embed_tokens']:,.1f} tokens/s",
        ),
        Tile(
            "Cache hit rate",
            _share(counted["cache_hits"], counted["cache_lookups"]),
            Unit.SHARE,
            hint=f"of {counted['cache_lookups']:,.0f} values",
        ),
    ]


def _queue(window: Window) -> Tile:
    room = settings.EMBED.queue_tokens
    lately = series(names=["queue_tokens"], since=window.until - LATELY, until=window.until)
    known = [value for value in lately.values["queue_tokens"] if value is not None]
    waiting = known[-1] if known else None
    level = _worse(_share(waiting, room), QUEUE_HALF_FULL, QUEUE_FULL)
    return Tile("Queue", waiting, hint=f"tokens; there is room for {room:,}", level=level)


def _jobs() -> list[Tile]:
    states = (*UNFINISHED_STATES, JobState.PARKED)
    rows = Job.objects.filter(state__in=[state.value for state in states]).order_by()
    by_state = dict(rows.values_list("state").annotate(Count("pk")))
    parked = by_state.get(JobState.PARKED.value, 0)
    return [
        Tile(
            "Jobs at work",
            by_state.get(JobState.RUNNING.value, 0),
            hint=f"{by_state.get(JobState.QUEUED.value, 0):,} wait",
        ),
        Tile(
            "Parked jobs",
            parked,
            hint="they wait for somebody" if parked else "",
            level=Level.WARNING if parked else Level.GOOD,
        ),
    ]


def _recall(lowest: Sequence[Any], low: int) -> Tile:
    if not lowest:
        return Tile("Lowest recall", None, hint="no index was measured yet")
    enough = f"under {settings.EMBED.recall_min:.1%}"
    return Tile(
        "Lowest recall",
        lowest[0].recall,
        Unit.SHARE,
        hint=f"{low:,} collections are {enough}" if low else f"none is {enough}",
        level=Level.WARNING if low else Level.GOOD,
    )


def _charts(over_time: Series) -> list[Chart]:
    values = over_time.values
    lines: dict[tuple[str, str, Unit], dict[str, Values]] = {
        ("requests", "Requests and searches", Unit.RATE): {
            "requests": values["requests"],
            "searches": values["searches"],
        },
        ("errors", "Share of errors", Unit.SHARE): {
            "failed (5xx)": _ratio(values["requests_5xx"], values["requests"]),
            "refused (4xx)": _ratio(values["requests_4xx"], values["requests"]),
        },
        ("texts", "Texts embedded", Unit.RATE): {"texts": values["embed_texts"]},
        ("queue", "Tokens that wait for a model", Unit.COUNT): {"tokens": values["queue_tokens"]},
        ("cache", "Cache hit rate", Unit.SHARE): {
            "hits": _ratio(values["cache_hits"], values["cache_lookups"])
        },
        ("jobs", "Jobs", Unit.COUNT): {
            "waiting": values["jobs_queued"],
            "at work": values["jobs_running"],
        },
        ("connections", "Connections to the database", Unit.COUNT): {
            "connections": values["connections"]
        },
    }
    return [Chart(*named, over_time.times, shown) for named, shown in lines.items()]


def _lowest(lowest: Sequence[Any]) -> Table:
    return Table(
        key="recall",
        title="Lowest recall",
        columns=[
            Column("Collection"),
            Column("Recall", Unit.SHARE),
            Column("Recall with a filter", Unit.SHARE),
            Column("Documents", Unit.COUNT),
        ],
        rows=[
            Row(
                [each.name, each.recall_unfiltered, each.recall_filtered, each.document_count],
                target=(Target.COLLECTION, each.pk),
            )
            for each in lowest
        ],
        empty="No index was measured yet.",
        about="Of each collection's newest measurement. Maintenance builds an index anew.",
    )


def _share(part: float | None, whole: float) -> float | None:
    return None if part is None or not whole else part / whole


def _ratio(parts: Values, wholes: Values) -> Values:
    return [_share(part, whole or 0) for part, whole in zip(parts, wholes, strict=True)]


def _worse(share: float | None, warning: float, bad: float) -> Level | None:
    if share is None:
        return None
    return Level.BAD if share >= bad else Level.WARNING if share >= warning else Level.GOOD
