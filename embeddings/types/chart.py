"""What a chart of the console shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class Unit(StrEnum):
    """What a number counts, which says how it is written."""

    COUNT = "count"
    RATE = "rate"
    SHARE = "share"
    SECONDS = "seconds"
    BYTES = "bytes"
    COST = "cost"


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over the same times, or bars over the same days or names, in the order of `points`;
    None where nothing is known. `key` is unlike those of the page's other charts.
    """

    key: str
    title: str
    unit: Unit
    points: Sequence[datetime | date | str]
    lines: Mapping[str, Sequence[float | None]]
    bars: bool = False
    stacked: bool = False
    about: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is no number at all."""
        return all(value is None for values in self.lines.values() for value in values)
