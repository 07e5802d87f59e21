"""A circuit breaker: spares a dependency that keeps failing, and finds out when it is back."""

import threading
import time
from collections.abc import Callable


class Breaker:
    """Opens after `failures` in a row. Each time the pause is over exactly one call goes through;
    its success closes the breaker, its failure or silence doubles the pause.

    The lock is never held during a call; whoever makes one reports how it went.
    """

    def __init__(
        self,
        *,
        failures: int = 1,
        pause_s: float = 1.0,
        longest_pause_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = failures
        self._first_pause = self._pause = pause_s
        self._longest_pause = longest_pause_s
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether calls are held off, but for trials."""
        return self._open_until > 0

    def allows(self) -> bool:
        """Whether to make the call."""
        with self._lock:
            if not self.is_open:
                return True
            now = self._clock()
            if now < self._open_until:
                return False
            self._pause = min(2 * self._pause, self._longest_pause)
            self._open_until = now + self._pause
            return True

    def failed(self) -> bool:
        """The call failed; true for the one that opened the breaker."""
        with self._lock:
            self._failures += 1
            if self._failures < self._limit:
                return False
            opened = not self.is_open
            self._open_until = self._clock() + self._pause
            return opened

    def succeeded(self) -> None:
        """The call succeeded."""
        if self._failures:
            with self._lock:
                self._failures, self._open_until, self._pause = 0, 0.0, self._first_pause

    def opens_in(self) -> float:
        """Seconds until a call may go through; 0 where one may now."""
        return max(0.0, self._open_until - self._clock()) if self.is_open else 0.0
