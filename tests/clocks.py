"""The clock as tests need it."""

from datetime import UTC, datetime, time

from django.utils import timezone
from pytest import MonkeyPatch


def stop_before_midnight(monkeypatch: MonkeyPatch) -> None:
    """What a test does is all of one day, however late it is."""
    go_on = timezone.now
    end = datetime.combine(go_on().astimezone(UTC), time.max, tzinfo=UTC)
    monkeypatch.setattr(timezone, "now", lambda: min(go_on(), end))
