"""What operators are told of the service: is it healthy, and will it last."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Health(StrEnum):
    """State of what the service depends on; `off` is not configured, and not needed."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Dependency:
    """One of them: how it is, how long it took to answer, what that means, and what it says of
    itself.
    """

    name: str
    state: Health
    detail: str = ""
    latency_ms: float | None = None
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Trend:
    """How one number grows: by `per_day`, a straight line through what was kept of it for
    `days`; `room` is left for it, and gone on the day `full_on`. Where there is no such day or no
    line, `why` says why.
    """

    name: str
    unit: str
    now: float | None
    days: float
    per_day: float | None
    room: float | None
    full_on: date | None
    why: str
