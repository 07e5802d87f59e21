"""A circuit breaker: spares a dependency that keeps failing, and finds out when it is back."""

import threading
import time
from collections.abc import Callable


class Breaker:
    """Opens after `failures` in a row. `cooldown` seconds later it lets one call through, whose
    outcome closes or opens it again; another one only when that has told nothing for as long.

    The lock is never held during a call, which reports `succeeded` or `failed` when it ends.
    """

    def __init__(
        self, *, failures: int, cooldown: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = failures
        self._cooldown = cooldown
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until = 0.0

    def allow(self) -> bool:
        """Whether to make the call."""
        with self._lock:
            if self._failures < self._limit:
                return True
            now = self._clock()
            if now < self._open_until:
                return False
            self._open_until = now + self._cooldown
            return True

    def succeeded(self) -> None:
        """The dependency answered."""
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        """The dependency did not answer, or not usefully."""
        with self._lock:
            self._failures += 1
            self._open_until = self._clock() + self._cooldown

    def opens_in(self) -> float:
        """Seconds until a call may be let through; 0 where one would be now."""
        with self._lock:
            if self._failures < self._limit:
                return 0.0
            return max(0.0, self._open_until - self._clock())
