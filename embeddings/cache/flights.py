"""Single-flight: what one thread is fetching, others wait for instead of fetching it too."""

import threading
from collections.abc import Callable, Iterable, Mapping

from embeddings.exceptions import CallerGone, EngineUnavailable

ASK_GONE_S = 0.25
"""How often a waiting thread asks whether its own caller is still there."""


class Flight:
    """A value that a thread is fetching."""

    def __init__(self) -> None:
        self._landed = threading.Event()
        self._value: bytes | None = None
        self._refusal: EngineUnavailable | None = None

    def land(self, value: bytes | None, refusal: EngineUnavailable | None) -> None:
        """Let those who wait go on."""
        self._value, self._refusal = value, refusal
        self._landed.set()

    def wait(self, *, gone: Callable[[], bool] | None) -> bytes | None:
        """The value; None when the flight failed for a reason of its own. Raises EngineUnavailable
        as the flight did: asking once more would be refused once more. Raises CallerGone.
        """
        while not self._landed.wait(ASK_GONE_S):
            if gone is not None and gone():
                raise CallerGone
        if self._refusal is not None:
            raise self._refusal
        return self._value


class Flights:
    """The flights of this process."""

    def __init__(self) -> None:
        self._flights: dict[bytes, Flight] = {}
        self._lock = threading.Lock()

    def claim(self, keys: Iterable[bytes]) -> tuple[list[bytes], dict[bytes, Flight]]:
        """The keys that the caller must fetch and then `land`, and the flights of the others.

        Whoever lands its own before it waits for others' can't be in a circle of threads that wait
        for each other.
        """
        mine: list[bytes] = []
        others: dict[bytes, Flight] = {}
        with self._lock:
            for key in keys:
                if key in self._flights:
                    others[key] = self._flights[key]
                else:
                    self._flights[key] = Flight()
                    mine.append(key)
        return mine, others

    def land(
        self,
        keys: Iterable[bytes],
        values: Mapping[bytes, bytes],
        refusal: EngineUnavailable | None = None,
    ) -> None:
        """The caller's flights have ended; those without a value have failed."""
        with self._lock:
            landed = [(key, self._flights.pop(key)) for key in keys]
        for key, flight in landed:
            flight.land(values.get(key), refusal if key not in values else None)
