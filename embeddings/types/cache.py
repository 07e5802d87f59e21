"""What the cache has done, and what was done to it."""

from dataclasses import dataclass
from datetime import datetime

MAX_TTL_S = 366 * 86_400
"""A value is as good as gone then, whatever its time to live was when it was written."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Lookups and what became of them; `misses` includes corrupt values."""

    hits: int = 0
    misses: int = 0
    corrupt: int = 0
    saved_tokens: int = 0

    @property
    def hit_rate(self) -> float | None:
        """The share of hits; None before the first lookup."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else None


@dataclass(frozen=True, slots=True)
class LevelStats:
    """A level: `memory` of all processes of this machine together, or `redis`, whose `bytes` and
    `evictions` are the whole server's. `available` is false for a Redis that does not answer.
    """

    level: str
    tally: Tally
    available: bool = True
    entries: int | None = None
    bytes: int | None = None
    max_bytes: int | None = None
    evictions: int | None = None


@dataclass(frozen=True, slots=True)
class ModelStats:
    """What a model was spared: texts by their vectors, and searches by their results. A hit is one
    on any level, or another request's that was computing the same.
    """

    model: str
    texts: Tally
    searches: Tally


@dataclass(frozen=True, slots=True)
class CacheStats:
    """Since the service was started."""

    levels: list[LevelStats]
    models: list[ModelStats]


@dataclass(frozen=True, slots=True)
class ClearResult:
    """Values written before `before_ms` don't count any more; `memory` of them were dropped in this
    process at once, and `redis` in Redis, None where there is none or it does not answer.
    """

    before_ms: int
    memory: int
    redis: int | None


@dataclass(frozen=True, slots=True)
class WarmResult:
    """Texts that are cached now; `cached` of them were so before."""

    texts: int = 0
    cached: int = 0
    tokens: int = 0

    def plus(self, other: "WarmResult") -> "WarmResult":
        """Both together."""
        return WarmResult(
            texts=self.texts + other.texts,
            cached=self.cached + other.cached,
            tokens=self.tokens + other.tokens,
        )


@dataclass(frozen=True, slots=True)
class Holding:
    """What a clear would touch: `entries` of `bytes` in this process, and `redis` values, None
    where Redis does not answer, or at least so many where they are not `redis_is_all`.
    """

    entries: int
    bytes: int
    has_redis: bool = False
    redis: int | None = None
    redis_is_all: bool = True


@dataclass(frozen=True, slots=True)
class TopEntry:
    """A cached value by what it spared; `of` is its model or, of a search, its collection, None
    where that is no more. Nobody can tell from the `hash` what is behind it.
    """

    hash: str
    kind: str
    of: str | None
    saved_tokens: int
    hits: int
    written_at: datetime
    levels: tuple[str, ...]
