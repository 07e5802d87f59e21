"""A chart as templates show it: drawn by `charts.js`, and told by a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from django.http import HttpRequest

from embeddings.admin.amounts import amount
from embeddings.types.chart import Chart
from embeddings.types.dashboard import SPANS

DEFAULT_SPAN = "24h"
MIDNIGHT = time()
ROWS = 12
"""Of a table of times; each is the average of as many points as it stands for."""


@dataclass(frozen=True, slots=True)
class ShownChart:
    """For the template `console/chart.html`, and the JSON of its script element."""

    chart: Chart
    data: dict[str, Any]
    headers: list[str]
    rows: list[tuple[str, list[str]]]

    @property
    def json_id(self) -> str:
        """Of the script element with the data."""
        return f"{self.chart.key}-data"

    @property
    def first_header(self) -> str:
        """Of the column that names the points."""
        point = next(iter(self.chart.points), "")
        if isinstance(point, datetime):
            return "From (UTC)"
        return "Day" if isinstance(point, date) else "Name"


def chosen_span(request: HttpRequest) -> str:
    """The key in SPANS of the time that the address asks for, else a day's."""
    span = request.GET.get("range", "")
    return span if span in SPANS else DEFAULT_SPAN


def shown_chart(chart: Chart) -> ShownChart:
    """With its points named, in UTC, and the newest of them first in the table."""
    labels = _labels(chart.points)
    data = {
        "unit": chart.unit.value,
        "bars": chart.bars,
        "stacked": chart.stacked,
        "named": any(isinstance(point, str) for point in chart.points),
        "labels": labels,
        "lines": [
            {"label": label, "values": [_rounded(value) for value in values]}
            for label, values in chart.lines.items()
        ],
    }
    return ShownChart(chart, data, list(chart.lines), _rows(chart, labels))


def _rows(chart: Chart, labels: list[str]) -> list[tuple[str, list[str]]]:
    width = 1 if chart.bars else max(1, -(-len(labels) // ROWS))
    rows = [
        (
            labels[start],
            [
                amount(_mean(line[start : start + width]), chart.unit)
                for line in chart.lines.values()
            ],
        )
        for start in range(0, len(labels), width)
    ]
    return rows if any(isinstance(point, str) for point in chart.points) else rows[::-1]


def _labels(points: Sequence[datetime | date | str]) -> list[str]:
    times = [point.astimezone(UTC) for point in points if isinstance(point, datetime)]
    shape = "%d %b %H:%M" if len({each.date() for each in times}) > 2 else "%H:%M"
    if len(times) > 1 and all(each.time() == MIDNIGHT for each in times):
        shape = "%d %b"
    return [_label(point, shape) for point in points]


def _label(point: datetime | date | str, shape: str) -> str:
    if isinstance(point, datetime):
        return point.astimezone(UTC).strftime(shape)
    if isinstance(point, date):
        return point.strftime("%d %b")
    return point


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
