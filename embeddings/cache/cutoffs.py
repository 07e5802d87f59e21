"""From when on a value counts: what was written before a cut-off is as good as not there.

The cut-offs are in PostgreSQL, so that a clear reaches every process, with Redis or without.
"""

import threading
import time
from collections.abc import Mapping

from django.db import Error

from embeddings.cache.keys import Area
from embeddings.cache.values import now_ms, written_ms
from embeddings.models import CacheCutoff
from embeddings.telemetry import log

REFRESH_S = 1.0
"""So long a clear takes to reach every process, for one small query a second in each."""


class Cutoffs:
    """What this process knows of them."""

    def __init__(self) -> None:
        self.due = 0.0
        """The monotonic time at which the database is asked again."""
        self._before: dict[str, int] = {}
        self._lock = threading.Lock()

    def current(self, area: Area, values: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        """The packed values that count."""
        since = max(self._before.get(scope, 0) for scope in area.scopes)
        now = now_ms()
        return {
            key: value
            for key, value in values.items()
            if (written := written_ms(value)) >= since and written > now - lifetime_ms(area, key)
        }

    def refresh(self, *, now: bool = False) -> dict[str, int]:
        """Ask the database if it is time to, or at once; returns what is new, by scope."""
        with self._lock:
            moment = time.monotonic()
            if moment < self.due and not now:
                return {}
            self.due = moment + REFRESH_S  # the other threads go on with what is known
        try:
            before = dict(CacheCutoff.objects.values_list("scope", "before_ms"))
        except Error as error:
            log.warning("cache_cutoffs_unknown", exc_info=error)
            return {}
        new = {scope: time for scope, time in before.items() if self._before.get(scope) != time}
        self._before = before
        return new


def lifetime_ms(area: Area, key: bytes) -> int:
    """How long the key's value lives: the area's time, less up to a tenth by the key itself, so
    that what was written together does not expire together.
    """
    return area.ttl_s * (10_000 - key[-1] * 1_000 // 256) // 10
