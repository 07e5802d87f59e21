"""What is kept of the service's numbers over time, and what a chart gets of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class SeriesKind(StrEnum):
    """How a series' values of one step add up to a point of a chart.

    `counter`: to a rate per second. `gauge`: to an average; the processes' values of one moment to
    their sum. `histogram`: counts of each bucket, of which there are percentiles.
    """

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class SeriesInfo:
    """What a series tells, in which unit a point of its chart is, and of which sample at `/metrics`
    it is kept: of those whose labels match the patterns in `where`. The values of its `labels`, in
    their order, tell apart what `ranked` lists.
    """

    kind: SeriesKind
    unit: str
    help: str
    sample: str = ""
    where: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Series:
    """Values at equal steps of `step_s` seconds, which begin at `times`; None where nothing was
    recorded.
    """

    times: list[datetime]
    values: dict[str, list[float | None]]
    step_s: int
