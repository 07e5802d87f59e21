"""The service's numbers over time, for charts and totals, and forgetting the old ones."""

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils import timezone

from embeddings.services.series_catalog import PROCESSES, SERIES
from embeddings.services.series_sampler import STEP_S
from embeddings.store.series import drop_before, read_points, read_totals, roll_up
from embeddings.telemetry import log
from embeddings.types.series import Series, SeriesInfo, SeriesKind

__all__ = [
    "SERIES",
    "Series",
    "SeriesInfo",
    "keep_series",
    "overall_percentiles",
    "percentiles",
    "ranked",
    "series",
    "totals",
]

FINE_FOR = timedelta(days=1)
"""So long each minute is kept."""

COARSE_S = 900
KEPT_FOR = timedelta(days=30)

WIDTHS_S = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
"""Of a point: they divide a day, so that the points of a chart stay where they are."""

QUANTILES = (0.5, 0.95, 0.99)

Bucket = tuple[float, float, float]
"""Above and up to which value it counts, and its count."""


def series(*, names: Sequence[str], since: datetime, until: datetime, points: int = 120) -> Series:
    """What the series were, at about so many points at most: of a counter the rate per second while
    the service ran, of a gauge the average. Numbers are written when their minute has ended.
    """
    width, times = _steps(since, until, points)
    rows = read_points(names=[*names, PROCESSES], since=times[0], until=until, width_s=width)
    values = {(row.name, row.time): (row.value, row.steps) for row in rows}
    ran = {row.time: row.steps * STEP_S for row in rows if row.name == PROCESSES}

    def value(name: str, time: datetime) -> float | None:
        total, steps = values.get((name, time), (0.0, 0))
        if SERIES[name].kind == SeriesKind.GAUGE:
            return total / steps if steps else None
        if total:
            return total / ran.get(time, STEP_S)
        return 0.0 if time in ran else None

    shown = {name: [value(name, time) for time in times] for name in names}
    return Series(times=times, values=shown, step_s=width)


def percentiles(
    *,
    name: str,
    since: datetime,
    until: datetime,
    points: int = 120,
    quantiles: Sequence[float] = QUANTILES,
) -> Series:
    """Of a histogram: `values` has those of each quantile under `p50`, `p95`, `p99` and so on,
    interpolated within the buckets as Prometheus' histogram_quantile does.
    """
    width, times = _steps(since, until, points)
    rows = read_points(names=[name], since=times[0], until=until, width_s=width, labelled=True)
    buckets: dict[datetime, list[Bucket]] = defaultdict(list)
    for row in rows:
        low, high = map(float, row.label.split())
        buckets[row.time].append((low, high, row.value))
    values = {
        f"p{quantile * 100:g}": [_quantile(sorted(buckets[time]), quantile) for time in times]
        for quantile in quantiles
    }
    return Series(times=times, values=values, step_s=width)


def overall_percentiles(
    *,
    names: Sequence[str],
    since: datetime,
    until: datetime,
    quantiles: Sequence[float] = QUANTILES,
) -> dict[str, tuple[float | None, ...]]:
    """Of each histogram in that time as a whole: its quantiles, in their order."""
    buckets: dict[str, list[Bucket]] = defaultdict(list)
    for name, label, value in read_totals(names=names, since=since, until=until):
        low, high = map(float, label.split())
        buckets[name].append((low, high, value))
    return {
        name: tuple(_quantile(sorted(buckets[name]), quantile) for quantile in quantiles)
        for name in names
    }


def totals(*, names: Sequence[str], since: datetime, until: datetime) -> dict[str, float]:
    """What the counters came to in that time, all labels together."""
    found = dict.fromkeys(names, 0.0)
    for name, _, value in read_totals(names=names, since=since, until=until):
        found[name] += value
    return found


def ranked(
    *, name: str, since: datetime, until: datetime, limit: int = 10
) -> list[tuple[str, float]]:
    """The labels of a counter, such as a route's method and name, with what each came to in that
    time, the largest first.
    """
    rows = read_totals(names=[name], since=since, until=until)
    return [(label, value) for _, label, value in rows[:limit]]


@transaction.atomic
def keep_series() -> None:
    """Make what is older than a day coarser, and forget what is older than 30 days."""
    day_ago = (timezone.now() - FINE_FOR).timestamp() // COARSE_S * COARSE_S
    rolled = roll_up(before=datetime.fromtimestamp(day_ago, UTC), seconds=COARSE_S)
    dropped = drop_before(before=timezone.now() - KEPT_FOR)
    log.info("series_kept", rolled_up=rolled, dropped=dropped)


def _steps(since: datetime, until: datetime, points: int) -> tuple[int, list[datetime]]:
    """The points' length in seconds, and their beginnings: they count from 1970, and what is older
    than a day is known by quarters of an hour alone.
    """
    wanted = (until - since).total_seconds() / points
    if since < timezone.now() - FINE_FOR:
        wanted = max(wanted, COARSE_S)
    width = next((each for each in WIDTHS_S if each >= wanted), WIDTHS_S[-1])
    first = int(since.timestamp() // width)
    # Of a step that has not ended nothing is known.
    end = int((until.timestamp() - STEP_S) // width) + 1
    times = [
        datetime.fromtimestamp(number * width, UTC) for number in range(first, max(end, first + 1))
    ]
    return width, times


def _quantile(buckets: Sequence[Bucket], quantile: float) -> float | None:
    wanted = sum(count for *_, count in buckets) * quantile
    below = 0.0
    for low, high, count in buckets:
        if below + count >= wanted:
            share = (wanted - below) / count
            return low if math.isinf(high) else low + (high - low) * share
        below += count
    return None
