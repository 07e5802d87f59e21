"""The two levels as one: looks in memory, then in Redis, and has the rest computed once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from django.conf import settings

from embeddings import telemetry
from embeddings.cache.cutoffs import Cutoffs, lifetime_ms
from embeddings.cache.flights import Flights
from embeddings.cache.keys import Area, prefix_of
from embeddings.cache.memory import Memory
from embeddings.cache.savings import Savings
from embeddings.cache.values import is_intact, saved_tokens
from embeddings.exceptions import EngineUnavailable

if TYPE_CHECKING:
    from embeddings.cache.redis import Shared

MIB = 1024 * 1024
MAX_VALUE_BYTES = MIB
"""A larger value, such as a search for a thousand whole documents, would push out too many."""

Compute = Callable[[list[bytes], Mapping[bytes, bytes]], Mapping[bytes, bytes]]
"""The packed values of the missing keys, every one of them, or an exception; it is given those that
were found.
"""


class Fetched(NamedTuple):
    """A packed value for each key; `cached` are the keys that nothing was computed for."""

    values: dict[bytes, bytes]
    cached: set[bytes]


class Cache:
    """What the processes of one instance remember; `shared` is None without Redis."""

    def __init__(self, *, memory: Memory, shared: "Shared | None", cutoffs: Cutoffs) -> None:
        self.memory = memory
        self.shared = shared
        self.cutoffs = cutoffs
        self.savings = Savings(shared=shared)
        self._flights = Flights()

    def fetch(
        self,
        *,
        area: Area,
        keys: Iterable[bytes],
        compute: Compute,
        gone: Callable[[], bool] | None = None,
    ) -> Fetched:
        """The keys' values, those that are missing from `compute`, which no other thread of this
        process runs for the same key meanwhile. Raises what `compute` raises, and CallerGone.
        """
        self.follow_cutoffs()
        wanted = list(dict.fromkeys(keys))
        values = self._from_memory(area, wanted)
        cached = set(values)
        while missing := [key for key in wanted if key not in values]:
            mine, others = self._flights.claim(missing)
            if mine:
                self._fly(area, mine, compute, values, cached)
            for key, flight in others.items():
                value = flight.wait(gone=gone)
                if value is not None:
                    values[key] = value
                    cached.add(key)
                    self._count(area, "flight", hits={key: value})
        return Fetched(values, cached)

    def find(self, *, area: Area, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """The packed values that are there."""
        self.follow_cutoffs()
        values = self._from_memory(area, keys)
        return values | self._from_shared(area, [key for key in keys if key not in values])

    def store(self, area: Area, values: Mapping[bytes, bytes]) -> None:
        """Keep the values on both levels."""
        small = {key: value for key, value in values.items() if len(value) <= MAX_VALUE_BYTES}
        self._remember(small)
        if self.shared is not None:
            self.shared.set_many(
                {key: (value, lifetime_ms(area, key)) for key, value in small.items()}
            )

    def resize(self, *, max_bytes: int) -> None:
        """Remember so much in this process from now on."""
        evicted = self.memory.resize(max_bytes)
        entries, size = self.memory.size
        telemetry.cache_holds(entries=entries, size=size, evicted=evicted)

    def follow_cutoffs(self, *, now: bool = False) -> int:
        """Learn now and then, or at once, what was cleared; returns how many entries went."""
        gone = sum(
            self.memory.delete(prefix=prefix_of(scope), before_ms=before)
            for scope, before in self.cutoffs.refresh(now=now).items()
        )
        gone += self.memory.discard(self.cutoffs.take_erased())
        if gone:
            entries, size = self.memory.size
            telemetry.cache_holds(entries=entries, size=size)
        return gone

    def _fly(
        self,
        area: Area,
        mine: list[bytes],
        compute: Compute,
        values: dict[bytes, bytes],
        cached: set[bytes],
    ) -> None:
        refusal = None
        try:
            # Whoever fetched one of them before us may have landed since we looked.
            found = self._from_memory(area, mine, again=True)
            found |= self._from_shared(area, [key for key in mine if key not in found])
            values |= found
            cached.update(found)
            if missing := [key for key in mine if key not in values]:
                made = compute(missing, values)
                self.store(area, made)
                values |= made
        except EngineUnavailable as error:
            refusal = error
            raise
        finally:
            self._flights.land(mine, values, refusal)

    def _from_memory(
        self, area: Area, keys: Sequence[bytes], *, again: bool = False
    ) -> dict[bytes, bytes]:
        values = self.cutoffs.current(area, self.memory.get_many(keys))
        if again:
            self._count(area, "flight", hits=values)
        else:
            self._count(area, "memory", hits=values, misses=len(keys) - len(values))
        return values

    def _from_shared(self, area: Area, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        if self.shared is None or not keys:
            return {}
        found = self.shared.get_many(keys)
        intact = {
            key: value
            for key, value in found.items()
            if is_intact(key, value, vector_bytes=area.vector_bytes)
        }
        values = self.cutoffs.current(area, intact)
        self._remember(values)
        corrupt = len(found) - len(intact)
        misses = len(keys) - len(values) - corrupt
        self._count(area, "redis", hits=values, misses=misses, corrupt=corrupt)
        return values

    def _remember(self, values: Mapping[bytes, bytes]) -> None:
        if values:
            evicted = self.memory.set_many(values)
            entries, size = self.memory.size
            telemetry.cache_holds(entries=entries, size=size, evicted=evicted)

    def _count(
        self,
        area: Area,
        level: str,
        *,
        hits: Mapping[bytes, bytes],
        misses: int = 0,
        corrupt: int = 0,
    ) -> None:
        tokens = {key: saved_tokens(value) for key, value in hits.items()}
        telemetry.cache_looked_up(
            cache=area.kind,
            model=area.model,
            level=level,
            outcomes={"hit": len(hits), "miss": misses, "corrupt": corrupt},
            saved_tokens=sum(tokens.values()),
        )
        if tokens:
            self.savings.add(tokens)


@lru_cache(maxsize=1)
def the_cache() -> Cache:
    """This process's, as the configuration says."""
    config = settings.EMBED
    return Cache(
        memory=Memory(max_bytes=config.cache_memory_mb * MIB),
        shared=_shared() if config.redis_url is not None else None,
        cutoffs=Cutoffs(),
    )


def _shared() -> "Shared":
    # Importing redis costs 0.1 s of every start, and many do without.
    from embeddings.cache.redis import Shared

    return Shared()
