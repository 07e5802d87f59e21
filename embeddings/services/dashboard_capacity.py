"""How much room is taken, by what, and until when it lasts."""

from embeddings.models import Collection
from embeddings.services.series import Series, series
from embeddings.services.stats import stored_bytes
from embeddings.types.chart import Chart, Unit
from embeddings.types.dashboard import Column, Dashboard, Row, Table, Target, Window

LISTED = 10

LOOKED_AT = 50
"""Collections whose tables are weighed: a look at the files of a thousand takes too long."""

NAMES = (
    *("database_bytes", "disk_free_bytes", "memory_bytes", "memory_free_bytes"),
    *("cache_bytes", "documents"),
)


def capacity_dashboard(*, window: Window) -> Dashboard:
    """Disk, memory and the largest collections."""
    over_time = series(names=NAMES, **window.steps)
    return Dashboard(tiles=[], charts=_charts(over_time), tables=[_largest()])


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
