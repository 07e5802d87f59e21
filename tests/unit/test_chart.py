"""A chart is drawn from JSON and told by a table; numbers are written with what they count."""

from datetime import UTC, date, datetime, timedelta

import pytest

from embeddings.admin.amounts import amount
from embeddings.admin.charts import shown_chart
from embeddings.types.chart import Chart, Unit

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (None, Unit.COUNT, "-"),
        (0, Unit.COUNT, "0"),
        (12_345, Unit.COUNT, "12,345"),
        (1_234_567, Unit.COUNT, "1.23 M"),
        (99.96, Unit.COUNT, "100"),
        (0.000_4, Unit.RATE, "< 0.001/s"),
        (2.5, Unit.RATE, "2.5/s"),
        (0.987_6, Unit.SHARE, "98.8 %"),
        (0.012_34, Unit.SECONDS, "12.3 ms"),
        (2.345, Unit.SECONDS, "2.35 s"),
        (5400, Unit.SECONDS, "1.5 h"),
        (1536, Unit.BYTES, "1.5 KiB"),
        (3 * 1024**5, Unit.BYTES, "3,072 TiB"),
        (0.000_123_4, Unit.COST, "0.0001234"),
        (12.5, Unit.COST, "12.50"),
    ],
)
def test_a_number_says_what_it_counts(value: float | None, unit: Unit, written: str) -> None:
    assert amount(value, unit) == written


def chart_of(points: int, every: timedelta) -> Chart:
    return Chart(
        key="requests",
        title="Requests",
        unit=Unit.RATE,
        points=[NOON + every * number for number in range(points)],
        lines={"all": [float(number) for number in range(points)], "none": [None] * points},
    )


def test_it_works() -> None:
    shown = shown_chart(chart_of(24, timedelta(minutes=1)))

    assert shown.data["labels"][:2] == ["12:00", "12:01"]
    assert shown.data["lines"][0] == {"label": "all", "values": [float(n) for n in range(24)]}
    assert shown.headers == ["all", "none"]
    assert len(shown.rows) == 12
    assert shown.rows[0] == ("12:22", ["22.5/s", "-"])
    assert shown.rows[-1] == ("12:00", ["0.5/s", "-"])
    assert shown.first_header == "From (UTC)"


def test_times_of_several_days_have_dates() -> None:
    assert shown_chart(chart_of(4, timedelta(days=1))).data["labels"][1] == "02 Mar 12:00"


def test_whole_days_have_no_times() -> None:
    points = [NOON + timedelta(hours=12 + 24 * number) for number in range(3)]
    shown = shown_chart(Chart("days", "Days", Unit.COUNT, points, {"n": [1, 2, 3]}))

    assert shown.data["labels"] == ["02 Mar", "03 Mar", "04 Mar"]


def test_bars_of_days_and_names() -> None:
    days = Chart("days", "Days", Unit.COUNT, [date(2026, 3, 1), date(2026, 3, 2)], {"n": [1, 2]})
    assert shown_chart(days).rows == [("02 Mar", ["2"]), ("01 Mar", ["1"])]

    names = Chart("teams", "Teams", Unit.COST, ["b", "a"], {"cost": [2, 1]}, bars=True)
    shown = shown_chart(names)
    assert shown.rows == [("b", ["2.00"]), ("a", ["1.00"])]
    assert shown.first_header == "Name"


def test_it_is_empty_without_a_number() -> None:
    assert Chart("a", "A", Unit.COUNT, [NOON], {"x": [None]}).is_empty
    assert not Chart("a", "A", Unit.COUNT, [NOON], {"x": [0.0]}).is_empty
