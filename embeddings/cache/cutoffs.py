"""From when on a value counts: what was written before a cut-off is as good as not there.

The cut-offs are in PostgreSQL, so that a clear reaches every process, with Redis or without.
"""

import threading
import time
from collections.abc import Mapping

from django.db import Error

from embeddings.cache.keys import Area
from embeddings.cache.values import now_ms, written_ms
from embeddings.models import CacheCutoff, CacheErasure
from embeddings.telemetry import log

OVERLAP_MS = 60_000
"""So long a transaction may take to commit after it said what it erases, and so much the clocks of
two machines may differ."""

REFRESH_S = 1.0
"""So long a clear takes to reach every process, for two small queries a second in each."""


class Cutoffs:
    """What this process knows of them."""

    def __init__(self) -> None:
        self.due = 0.0
        """The monotonic time at which the database is asked again."""
        self._before: dict[str, int] = {}
        self._erased: list[bytes] = []
        self._erased_since = now_ms() - OVERLAP_MS
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
        asked = now_ms() - OVERLAP_MS
        try:
            before = dict(CacheCutoff.objects.values_list("scope", "before_ms"))
            recent = CacheErasure.objects.filter(erased_ms__gt=self._erased_since)
            self._erased += [bytes(key) for keys in recent.values_list("keys") for key in keys[0]]
        except Error as error:
            log.warning("cache_cutoffs_unknown", exc_info=error)
            return {}
        new = {scope: time for scope, time in before.items() if self._before.get(scope) != time}
        self._before = before
        self._erased_since = asked
        return new

    def take_erased(self) -> list[bytes]:
        """Keys that were learned to be erased since this was asked, some for a second time."""
        erased, self._erased = self._erased, []
        return erased


def lifetime_ms(area: Area, key: bytes) -> int:
    """How long the key's value lives: the area's time, less up to a tenth by the key itself, so
    that what was written together does not expire together.
    """
    return area.ttl_s * (10_000 - key[-1] * 1_000 // 256) // 10
