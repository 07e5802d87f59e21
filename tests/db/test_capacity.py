"""Growth by least squares, and the day on which there is no room left."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from pydantic import SecretStr

from embeddings.services.capacity import ELSEWHERE, capacity
from embeddings.store.series import keep_values
from embeddings.types.operations import Trend

pytestmark = pytest.mark.django_db

GIB = 1024.0**3


def known(days: float, every_h: int = 6, **growth: float) -> None:
    """What gauges were until now: their size, and what they grow by in a day."""
    now = datetime.fromtimestamp(timezone.now().timestamp() // 900 * 900, UTC)
    for hours in range(0, int(days * 24) + 1, every_h):
        values = {(name, ""): 5 * GIB - rise * hours / 24 for name, rise in growth.items()}
        values["disk_free_bytes", ""] = 60 * GIB
        values["memory_free_bytes", ""] = 10 * GIB
        keep_values(step=now - timedelta(hours=hours), seconds=60, values=values)


def trend(name: str) -> Trend:
    return next(each for each in capacity() if each.name == name)


def test_it_works() -> None:
    known(10, database_bytes=2 * GIB, memory_bytes=0.1 * GIB, documents=500)
    database = trend("database_bytes")
    assert (database.now, database.room, database.unit) == (5 * GIB, 60 * GIB, "bytes")
    assert database.per_day == pytest.approx(2 * GIB)
    assert database.days == pytest.approx(10)
    assert database.full_on == timezone.now().date() + timedelta(days=30)
    assert trend("memory_bytes").full_on == timezone.now().date() + timedelta(days=100)
    documents = trend("documents")
    assert documents.per_day == pytest.approx(500)
    assert (documents.full_on, documents.why) == (None, "Nothing bounds it.")


@pytest.mark.parametrize(
    ("days", "per_day", "why"),
    [
        (0.5, GIB, "Too little is known yet: a day is the least."),
        (5, 0, "It does not grow."),
        (5, -GIB, "It does not grow."),
        (5, GIB / 1000, "Not within ten years."),
    ],
)
def test_no_date_has_its_reason(days: float, per_day: float, why: str) -> None:
    known(days, database_bytes=per_day)
    database = trend("database_bytes")
    assert (database.full_on, database.why) == (None, why)
    assert (database.per_day is None) == (days < 1)


def test_what_goes_up_and_down_has_no_date() -> None:
    now = datetime.fromtimestamp(timezone.now().timestamp() // 900 * 900, UTC)
    for hours in range(0, 120, 3):
        # Upwards, if one looks closely.
        size = GIB * (2 + hours % 2 - hours / 1000)
        values = {("memory_bytes", ""): size, ("memory_free_bytes", ""): GIB}
        keep_values(step=now - timedelta(hours=hours), seconds=60, values=values)
    memory = trend("memory_bytes")
    assert (memory.full_on, memory.why) == (None, "It goes up and down without a trend.")
    assert (memory.per_day or 0) > 0


def test_nothing_is_known_at_first() -> None:
    assert [(each.now, each.per_day, each.full_on) for each in capacity()] == [(None,) * 3] * 3


def test_the_disk_of_a_database_elsewhere_is_not_seen(settings: Any) -> None:
    known(3, database_bytes=GIB)
    url = {"database_url": SecretStr("postgresql://db.example.org/embed")}
    settings.EMBED = settings.EMBED.model_copy(update=url)
    database = trend("database_bytes")
    assert (database.room, database.full_on, database.why) == (None, None, ELSEWHERE)
    assert database.per_day == pytest.approx(GIB)
