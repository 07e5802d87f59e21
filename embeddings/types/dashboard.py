"""What the dashboard shows: figures, charts and tables, whose numbers say what they count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from embeddings.types.chart import Chart, Unit


class View(StrEnum):
    """For whom it is."""

    EXECUTIVE = "executive"
    OPERATIONS = "operations"
    DEBUGGING = "debugging"
    CAPACITY = "capacity"


class Level(StrEnum):
    """Whether somebody should look."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "problem"


class Target(StrEnum):
    """What a row of a table is about, and leads to."""

    COLLECTION = "collection"
    JOB = "job"
    AUDIT_ENTRY = "audit_entry"


@dataclass(frozen=True, slots=True)
class Span:
    """How long back, and in how many points its charts show that: one for each of the minutes, or
    quarters of an hour, that are kept, or for some of them together.
    """

    title: str
    length: timedelta
    points: int


SPANS = {
    "1h": Span("1 hour", timedelta(hours=1), 60),
    "6h": Span("6 hours", timedelta(hours=6), 72),
    "24h": Span("24 hours", timedelta(hours=24), 96),
    "7d": Span("7 days", timedelta(days=7), 84),
    "30d": Span("30 days", timedelta(days=30), 30),
}


@dataclass(frozen=True, slots=True)
class Window:
    """What time a dashboard is of, `until` excluded."""

    since: datetime
    until: datetime
    points: int

    @property
    def ends(self) -> dict[str, Any]:
        """As what counts over the whole of it takes them."""
        return {"since": self.since, "until": self.until}

    @property
    def steps(self) -> dict[str, Any]:
        """As what tells it step by step takes them."""
        return {**self.ends, "points": self.points}


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure; None is not known. A text stands as it is."""

    label: str
    value: float | str | None
    unit: Unit = Unit.COUNT
    hint: str = ""
    level: Level | None = None


@dataclass(frozen=True, slots=True)
class Quantity:
    """A cell of its own unit, in a column of several."""

    value: float | None
    unit: Unit


@dataclass(frozen=True, slots=True)
class Column:
    """Of numbers with a unit, else of texts and times."""

    title: str
    unit: Unit | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A cell for each column; what the first one leads to, if that is still there."""

    cells: Sequence[Any]
    target: tuple[Target, Any] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows, the most important first; `empty` stands in their place where there are none."""

    key: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    empty: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One view, in the order in which it is read; `figures` by what they are about."""

    figures: Mapping[str, Sequence[Tile]]
    charts: Sequence[Chart]
    tables: Sequence[Table]
