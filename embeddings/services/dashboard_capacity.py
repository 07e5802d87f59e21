"""How much room is taken, by what, and until when it lasts."""

from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone

from embeddings.models import Collection
from embeddings.services.capacity import capacity
from embeddings.services.series import Series, series
from embeddings.services.stats import stored_bytes
from embeddings.types.chart import Chart, Unit
from embeddings.types.dashboard import (
    Column,
    Dashboard,
    Level,
    Quantity,
    Row,
    Table,
    Target,
    Tile,
    Window,
)
from embeddings.types.operations import Trend

LISTED = 10

LOOKED_AT = 50
"""Collections whose tables are weighed: a look at the files of a thousand takes too long."""

TITLES = {
    "database_bytes": ("Database", Unit.BYTES),
    "memory_bytes": ("Memory", Unit.BYTES),
    "documents": ("Documents", Unit.COUNT),
}
FULL = {"database_bytes": "Disk full on", "memory_bytes": "Memory full on"}

URGENT = timedelta(days=14)
SOON = timedelta(days=60)
"""A larger disk is ordered within two weeks; in two months, it is planned."""

NAMES = (
    *("database_bytes", "disk_free_bytes", "memory_bytes", "memory_free_bytes"),
    *("cache_bytes", "documents"),
)


def capacity_dashboard(*, window: Window) -> Dashboard:
    """Disk, memory and the largest collections."""
    over_time = series(names=NAMES, **window.steps)
    trends = capacity()
    return Dashboard(
        figures={"Until when it lasts": _tiles(trends)},
        charts=_charts(over_time),
        tables=[_growth(trends), _largest()],
    )


def _tiles(trends: Sequence[Trend]) -> list[Tile]:
    """Of each the day on which it is full, or why there is none."""
    return [
        Tile(
            FULL[trend.name],
            trend.full_on.isoformat() if trend.full_on else None,
            hint=trend.why or f"if it goes on as in the last {trend.days:.0f} days",
            level=_level(trend),
        )
        for trend in trends
        if trend.name in FULL
    ]


def _level(trend: Trend) -> Level | None:
    if trend.full_on is None:
        return None
    left = trend.full_on - timezone.now().date()
    return Level.BAD if left < URGENT else Level.WARNING if left < SOON else Level.GOOD


def _growth(trends: Sequence[Trend]) -> Table:
    rows = []
    for trend in trends:
        title, unit = TITLES[trend.name]
        numbers = [Quantity(value, unit) for value in (trend.now, trend.per_day, trend.room)]
        rows.append(Row([title, *numbers, trend.full_on, trend.why]))
    return Table(
        key="growth",
        title="Growth",
        columns=[
            Column("Of"),
            *(Column(title, Unit.COUNT) for title in ("Now", "A day", "Room left")),
            Column("Full on"),
            Column("Remark"),
        ],
        rows=rows,
        empty="",
        about="A straight line through what is kept of the last 30 days.",
    )


def _charts(over_time: Series) -> list[Chart]:
    values = over_time.values

    def chart(key: str, title: str, unit: Unit, **lines: str) -> Chart:
        shown = {label.replace("_", " "): values[name] for label, name in lines.items()}
        return Chart(key, title, unit, over_time.times, shown)

    return [
        chart(
            "disk",
            "Disk",
            Unit.BYTES,
            database="database_bytes",
            free_on_the_disk="disk_free_bytes",
        ),
        chart(
            "memory",
            "Memory",
            Unit.BYTES,
            our_processes="memory_bytes",
            of_that_the_cache="cache_bytes",
            free="memory_free_bytes",
        ),
        chart("documents", "Documents stored", Unit.COUNT, documents="documents"),
    ]


def _largest() -> Table:
    most = Collection.objects.order_by("-document_count", "name").select_related("active", "owner")
    collections = list(most[:LOOKED_AT])
    sizes = stored_bytes(collections=collections)
    largest = sorted(collections, key=lambda each: sizes[each.pk], reverse=True)[:LISTED]
    return Table(
        key="largest",
        title="Largest collections",
        columns=[
            Column("Collection"),
            Column("Owner"),
            Column("Model"),
            Column("Documents", Unit.COUNT),
            Column("Size", Unit.BYTES),
        ],
        rows=[
            Row(
                [
                    each.name,
                    each.owner.username,
                    each.generation.model,
                    each.document_count,
                    sizes[each.pk],
                ],
                target=(Target.COLLECTION, each.pk),
            )
            for each in largest
        ],
        empty="There is no collection yet.",
        about=f"Of the {LOOKED_AT} with most documents; with their indexes.",
    )
