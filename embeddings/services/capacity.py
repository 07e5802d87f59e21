"""How fast the service grows, and when its disk or its memory will be full."""

from datetime import date, timedelta

from django.conf import settings
from django.utils import timezone

from embeddings.services.series import KEPT_FOR, SERIES
from embeddings.store.series import Line, read_lines
from embeddings.types.operations import Trend

LEAST_DAYS = 1.0
"""Shorter, and the hours of a day would look like growth."""

LEAST_FIT = 0.3
"""Share of the variance that the line explains (R²); below, the numbers go up and down."""

FARTHEST = timedelta(days=3653)
"""A date beyond ten years says no more than that."""

ROOM = {"database_bytes": "disk_free_bytes", "memory_bytes": "memory_free_bytes", "documents": None}
"""What grows, and what it takes from."""

ELSEWHERE = "The database is on a server of its own, whose disk is not seen from here."


def capacity() -> list[Trend]:
    """Growth of the database, of the processes' memory and of the documents, by least squares over
    what is kept of them.
    """
    names = [*ROOM, *filter(None, ROOM.values())]
    lines = {line.name: line for line in read_lines(names=names, since=timezone.now() - KEPT_FOR)}
    return [_trend(name, lines.get(name), _room(name, lines)) for name in ROOM]


def _room(name: str, lines: dict[str, Line]) -> float | None:
    if name == "database_bytes" and settings.EMBED.database_url is not None:
        return None
    room = ROOM[name]
    return lines[room].newest if room in lines else None


def _trend(name: str, line: Line | None, room: float | None) -> Trend:
    full_on, why = _full_on(name, line, room)
    return Trend(
        name=name,
        unit=SERIES[name].unit,
        now=None if line is None else line.newest,
        days=0.0 if line is None else line.days,
        per_day=None if line is None or line.days < LEAST_DAYS else line.per_day,
        room=room,
        full_on=full_on,
        why=why,
    )


def _full_on(name: str, line: Line | None, room: float | None) -> tuple[date | None, str]:
    if line is None or line.per_day is None or line.days < LEAST_DAYS:
        return None, "Too little is known yet: a day is the least."
    if name == "database_bytes" and settings.EMBED.database_url is not None:
        return None, ELSEWHERE
    if room is None:
        return None, "Nothing bounds it." if ROOM[name] is None else "The room left is not known."
    if line.per_day <= 0:
        return None, "It does not grow."
    if line.fit < LEAST_FIT:
        return None, "It goes up and down without a trend."
    days = room / line.per_day
    if days > FARTHEST.days:
        return None, "Not within ten years."
    return (timezone.now() + timedelta(days=days)).date(), ""
