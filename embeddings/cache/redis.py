"""The second level: Redis, through django-redis, as raw bytes. The only module that names either.

Nothing here raises because of Redis: an answer that does not come is a value that is not there.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from django_redis import get_redis_connection
from redis import Redis, RedisError

from embeddings import telemetry
from embeddings.breaker import Breaker
from embeddings.cache.keys import EVERYTHING, prefix_of
from embeddings.cache.values import CHECKSUM_BYTES, HEADER, START, written_ms

ALIAS = "shared"
"""The entry of CACHES."""

PIPELINE_BYTES = 1024 * 1024
"""A pipeline is sent within one timeout of the socket: larger ones are cut."""

SCAN_KEYS = 1_000
SAVINGS_S = 30 * 86_400
"""After its last change the set of them goes; nobody else would ever drop it."""

COUNTED_KEYS = 200_000
"""A fifth of a second."""


class Shared:
    """A mapping of bytes to bytes that all processes share."""

    def __init__(self, client: "Redis | None" = None) -> None:
        self._client: Redis = client or get_redis_connection(ALIAS)
        self._breaker = Breaker()

    def get_many(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """The values that are there, in one round trip."""
        values = self._call("read", lambda redis: redis.mget(keys), default=())
        return {key: value for key, value in zip(keys, values, strict=False) if value is not None}

    def set_many(self, values: Mapping[bytes, tuple[bytes, int]]) -> None:
        """Keep the values for so many milliseconds each, in one round trip per megabyte."""
        for part in _parts(values):
            answers = self._call("write", partial(_set, values=part), default=())
            if refused := sum(isinstance(answer, Exception) for answer in answers):
                telemetry.cache_not_written(values=refused)

    def delete(self, *, prefix: bytes, before_ms: int | None = None) -> int | None:
        """Drop our keys that begin so, or those of them that were written before the time; returns
        how many, None when Redis does not answer.
        """
        deleted = 0
        for keys in self._keys(prefix):
            if keys and before_ms is not None:
                keys = self._older(keys, before_ms)
            gone = self._call("delete", partial(_unlink, keys=keys)) if keys else 0
            if gone is None:
                return None
            deleted += gone
        return None if self._breaker.is_open else deleted

    def discard(self, keys: Sequence[bytes]) -> int | None:
        """Drop these entries; returns how many there were, None when Redis does not answer."""
        deleted = 0
        for start in range(0, len(keys), SCAN_KEYS):
            part = keys[start : start + SCAN_KEYS]
            gone = self._call("delete", partial(_unlink, keys=part))
            if gone is None:
                return None
            deleted += gone
        return deleted

    def count(self, *, prefix: bytes, before_ms: int | None = None) -> tuple[int | None, bool]:
        """How many of our keys begin so, or of them how many were written before the time, and
        whether these are all: the search ends after COUNTED_KEYS of the Redis. None when it does
        not answer.
        """
        found = 0
        for scanned, keys in enumerate(self._keys(prefix), start=1):
            older = keys if before_ms is None or not keys else self._older(keys, before_ms)
            found += len(older)
            if scanned * SCAN_KEYS >= COUNTED_KEYS:
                return found, False
        return (None if self._breaker.is_open else found), True

    def add_savings(self, tokens: Mapping[bytes, int], *, keep: int) -> None:
        """These keys have spared models so many tokens more."""
        self._call("write", partial(_add_savings, tokens=tokens, keep=keep))

    def top_savings(self, limit: int) -> list[tuple[bytes, int]]:
        """The keys that spared most, with their tokens."""
        rows: list[tuple[bytes, int]] = self._call(
            "read", partial(_top_savings, limit=limit), default=[]
        )
        return rows

    def forget_savings(self, prefix: bytes) -> None:
        """What begins so has spared nothing yet."""
        self._call("delete", partial(_forget_savings, prefix=prefix))

    def server(self) -> dict[str, Any] | None:
        """What the whole Redis says of itself; None when it does not answer."""
        info: dict[str, Any] | None = self._call("info", lambda redis: redis.info())
        return info

    def _keys(self, prefix: bytes) -> Iterator[list[bytes]]:
        cursor = 0
        while True:
            found = self._call("scan", partial(_scan, cursor=cursor, prefix=prefix))
            if found is None:
                return
            cursor, keys = found
            yield keys
            if cursor == 0:
                return

    def _older(self, keys: list[bytes], before_ms: int) -> list[bytes]:
        heads = self._call("read", partial(_heads, keys=keys), default=())
        return [
            key
            for key, head in zip(keys, heads, strict=False)
            # Whatever is too short to be ours to read is no loss.
            if isinstance(head, bytes) and (len(head) < START or written_ms(head) < before_ms)
        ]

    def _call(self, operation: str, work: Callable[[Redis], Any], default: Any = None) -> Any:
        if not self._breaker.is_open:
            return self._ask(operation, work, default)
        if self._breaker.allows():
            # Nobody waits for the trial: a Redis that hangs costs one request its timeout, once.
            threading.Thread(target=self._ask, args=("trial", _ping, None), daemon=True).start()
        return default

    def _ask(self, operation: str, work: Callable[[Redis], Any], default: Any) -> Any:
        started = time.perf_counter()
        try:
            answer = work(self._client)
        except (RedisError, OSError) as error:
            if self._breaker.failed():
                telemetry.cache_lost_redis(error=type(error).__name__)
            outcome, answer = "failed", default
        else:
            self._breaker.succeeded()
            outcome = "answered"
        seconds = time.perf_counter() - started
        telemetry.cache_called(operation=operation, outcome=outcome, seconds=seconds)
        return answer


def _set(redis: Redis, values: Mapping[bytes, tuple[bytes, int]]) -> list[Any]:
    with redis.pipeline(transaction=False) as pipeline:
        for key, (value, ttl_ms) in values.items():
            pipeline.set(key, value, px=ttl_ms)
        # A full Redis refuses each write by itself, and goes on answering reads.
        return pipeline.execute(raise_on_error=False)


def _ping(redis: Redis) -> Any:
    return redis.ping()


def _unlink(redis: Redis, keys: Sequence[bytes]) -> Any:
    return redis.unlink(*keys)


def _scan(redis: Redis, cursor: int, prefix: bytes) -> Any:
    return redis.scan(cursor, match=prefix + b"*", count=SCAN_KEYS)


def _heads(redis: Redis, keys: Sequence[bytes]) -> list[Any]:
    with redis.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.getrange(key, 0, CHECKSUM_BYTES + HEADER.size - 1)
        return pipeline.execute(raise_on_error=False)


def _add_savings(redis: Redis, tokens: Mapping[bytes, int], keep: int) -> None:
    name = _savings()
    with redis.pipeline(transaction=False) as pipeline:
        for key, spared in tokens.items():
            pipeline.zincrby(name, spared, key)
        pipeline.zremrangebyrank(name, 0, -keep - 1)
        pipeline.expire(name, SAVINGS_S)
        pipeline.execute()


def _top_savings(redis: Redis, limit: int) -> list[tuple[bytes, int]]:
    rows: Any = redis.zrevrange(_savings(), 0, limit - 1, withscores=True)
    return [(key, int(tokens)) for key, tokens in rows]


def _forget_savings(redis: Redis, prefix: bytes) -> None:
    rows: Any = redis.zrange(_savings(), 0, -1)
    if keys := [key for key in rows if key.startswith(prefix)]:
        redis.zrem(_savings(), *keys)


def _savings() -> bytes:
    """A sorted set beside the values' own keys, so that clearing these meets values alone."""
    return b"savings:" + prefix_of(EVERYTHING)


def _parts(
    values: Mapping[bytes, tuple[bytes, int]],
) -> Iterator[dict[bytes, tuple[bytes, int]]]:
    part: dict[bytes, tuple[bytes, int]] = {}
    size = 0
    for key, entry in values.items():
        part[key] = entry
        size += len(entry[0])
        if size >= PIPELINE_BYTES:
            yield part
            part, size = {}, 0
    if part:
        yield part
