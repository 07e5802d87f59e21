"""Keeping numbers over time: added up over processes, made coarser, forgotten."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import connection

Keys = Mapping[tuple[str, str], float]
"""Values by series and label."""


class Point(NamedTuple):
    """What a series came to in a part of time: `steps` is how many minutes the value sums."""

    name: str
    label: str
    time: datetime
    value: float
    steps: int


class Line(NamedTuple):
    """The straight line through a gauge, by least squares: `fit` is its R², `days` its length."""

    name: str
    per_day: float | None
    fit: float
    days: float
    newest: float


def add_values(*, step: datetime, seconds: int, values: Keys) -> None:
    """Add what a process counted, or saw, to what the others did in the same step."""
    _write(_ADD, step, seconds, values)


def keep_values(*, step: datetime, seconds: int, values: Keys) -> None:
    """What is the same whoever asks: the first value of a step stays."""
    _write(_KEEP, step, seconds, values)


def read_points(
    *,
    names: Sequence[str],
    since: datetime,
    until: datetime,
    width_s: int,
    labelled: bool = False,
) -> list[Point]:
    """The series in parts of time of so many seconds, counted from 1970, summed over the labels or
    not.
    """
    label = "label" if labelled else "''"
    # The sum over labels of one step is of as many minutes as one of them is.
    sql = f"""
        SELECT name, label, date_bin(make_interval(secs => %s), step, '1970-01-01Z') AS time,
            sum(value), sum(steps)
        FROM (
            SELECT name, {label} AS label, step, sum(value) AS value, max(steps) AS steps
            FROM metric_points WHERE name = ANY(%s) AND step >= %s AND step < %s
            GROUP BY name, 2, step, seconds
        ) AS summed
        GROUP BY name, label, time"""  # noqa: S608 - names of our own
    with connection.cursor() as cursor:
        cursor.execute(sql, [width_s, list(names), since, until])
        return [Point(*row) for row in cursor.fetchall()]


def read_totals(
    *, names: Sequence[str], since: datetime, until: datetime
) -> list[tuple[str, str, float]]:
    """What each series and label came to, the largest first."""
    with connection.cursor() as cursor:
        cursor.execute(_TOTALS, [list(names), since, until])
        return list(cursor.fetchall())


def read_lines(*, names: Sequence[str], since: datetime) -> list[Line]:
    """Of each gauge that anything is known of; each quarter of an hour counts the same."""
    with connection.cursor() as cursor:
        cursor.execute(_LINES, [list(names), since])
        return [Line(*row) for row in cursor.fetchall()]


def roll_up(*, before: datetime, seconds: int) -> int:
    """Make steps from before then as long as that; returns how many rows went into others."""
    with connection.cursor() as cursor:
        cursor.execute(_ROLL_UP, [before, seconds, seconds, seconds])
        return int(cursor.fetchone()[0])


def drop_before(*, before: datetime) -> int:
    """Forget older steps; returns how many rows."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM metric_points WHERE step < %s", [before])
        return int(cursor.rowcount)


def _write(sql: str, step: datetime, seconds: int, values: Keys) -> None:
    # In one order, so that two processes never wait for each other.
    keys = sorted(values)
    names, labels = [name for name, _ in keys], [label for _, label in keys]
    with connection.cursor() as cursor:
        cursor.execute(sql, [step, seconds, names, labels, [float(values[key]) for key in keys]])


_INSERT = """
    INSERT INTO metric_points AS m (step, seconds, name, label, value, steps)
    SELECT %s, %s, name, label, value, 1
    FROM unnest(%s::text[], %s::text[], %s::float8[]) AS given (name, label, value)
    ON CONFLICT (name, step, seconds, label) DO """
_ADD = _INSERT + "UPDATE SET value = m.value + excluded.value"
_KEEP = _INSERT + "NOTHING"
_TOTALS = """
    SELECT name, label, sum(value) FROM metric_points
    WHERE name = ANY(%s) AND step >= %s AND step < %s
    GROUP BY name, label ORDER BY 3 DESC, 2"""
_LINES = """
    SELECT name, regr_slope(value, day), coalesce(regr_r2(value, day), 0), max(day) - min(day),
        (array_agg(value ORDER BY day DESC))[1]
    FROM (
        SELECT name, extract(epoch FROM quarter)::float8 / 86400 AS day, value
        FROM (
            SELECT name, date_bin('15 min', step, '1970-01-01Z') AS quarter,
                sum(value) / sum(steps) AS value
            FROM metric_points WHERE name = ANY(%s) AND step >= %s GROUP BY 1, 2
        ) AS quarters
    ) AS days
    GROUP BY name"""
_ROLL_UP = """
    WITH fine AS (
        DELETE FROM metric_points WHERE step < %s AND seconds < %s RETURNING *
    ), coarse AS (
        INSERT INTO metric_points AS m (name, step, seconds, label, value, steps)
        SELECT name, date_bin(make_interval(secs => %s), step, '1970-01-01Z'), %s, label,
            sum(value), sum(steps)
        FROM fine GROUP BY 1, 2, 4
        ON CONFLICT (name, step, seconds, label)
        DO UPDATE SET value = m.value + excluded.value, steps = m.steps + excluded.steps
    )
    SELECT count(*) FROM fine"""
