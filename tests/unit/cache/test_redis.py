"""The level that processes share, on a real Redis: what it costs, and what its faults cost."""

import time
from typing import Any

import pytest
from redis import Redis

from embeddings.breaker import Breaker
from embeddings.cache import EVERYTHING, Cache, model_scope, now_ms, prefix_of, the_cache
from embeddings.cache.redis import Shared
from embeddings.cache.values import START
from embeddings.services.embed import embed_cached
from embeddings.types.embed import EmbedResult
from embedsite.caches import TIMEOUT_S
from tests.caches import start_cache
from tests.redis_server import RedisServer
from tests.unit.cache.embedders import Recorder, counted, sample

TEXTS = [f"text {number}" for number in range(32)]


@pytest.fixture
def embedder() -> Recorder:
    return Recorder()


@pytest.fixture
def client(shared_cache: RedisServer) -> "Redis":
    return shared_cache.client()


def embed(embedder: Recorder, *texts: str) -> EmbedResult:
    result = embed_cached(embedder=embedder, owner_id=1, texts=texts)
    assert (result.vectors == Recorder().embed(texts).vectors).all()
    return result


def shared() -> Shared:
    level = the_cache().shared
    assert level is not None
    return level


def content(client: "Redis", key: Any) -> bytes:
    value = client.get(key)
    assert isinstance(value, bytes)
    return value


def failures() -> float:
    return sum(
        sample("cache_redis_duration_seconds_count", operation=operation, outcome="failed")
        for operation in ("read", "write", "scan", "delete", "info")
    )


def used_again(server: RedisServer, embedder: Recorder) -> bool:
    """Whether new texts reach the server, after some attempts."""
    for number in range(1000):
        written = server.calls("set")
        embed(embedder, f"again {number}")
        if server.calls("set") == written + 1:
            return True
        time.sleep(0.05)
    return False


def impatient() -> Cache:
    """A new process whose breaker tries again soon."""
    cache = start_cache()
    assert cache.shared is not None
    cache.shared._breaker = Breaker(pause_s=0.05)
    return cache


def test_another_process_finds_what_one_has_computed(
    shared_cache: RedisServer, embedder: Recorder
) -> None:
    embed(embedder, *TEXTS)
    start_cache()
    assert embed(embedder, *TEXTS).cached.all()
    assert embed(embedder, *TEXTS).cached.all()
    assert len(embedder.calls) == 1


def test_a_request_costs_one_read_and_one_pipeline(
    shared_cache: RedisServer, client: "Redis", embedder: Recorder
) -> None:
    embed(embedder, *TEXTS)
    assert (shared_cache.calls("mget"), shared_cache.calls("set")) == (1, 32)

    start_cache()
    before: Any = client.info("stats")
    reads = sample("cache_redis_duration_seconds_count", operation="read", outcome="answered")
    assert embed(embedder, *TEXTS).cached.all()
    after: Any = client.info("stats")
    # One command besides the test's own INFO.
    assert after["total_commands_processed"] - before["total_commands_processed"] == 2
    assert (shared_cache.calls("mget"), shared_cache.calls("set")) == (2, 32)
    answered = sample("cache_redis_duration_seconds_count", operation="read", outcome="answered")
    assert answered == reads + 1

    embed(embedder, *TEXTS)  # now in memory
    assert shared_cache.calls("mget") == 2


def test_values_are_raw_and_expire_one_after_another(
    client: "Redis", embedder: Recorder, settings: Any
) -> None:
    vectors = embed(embedder, *TEXTS).vectors
    keys = list(client.scan_iter())
    assert len(keys) == 32
    payloads = {content(client, key)[START:] for key in keys}
    assert payloads == {vector.tobytes() for vector in vectors}
    lives: Any = sorted(client.pttl(key) for key in keys)
    whole = settings.EMBED.cache_ttl_s * 1000
    assert 0.89 * whole < lives[0] < lives[-1] <= whole
    assert lives[-1] - lives[0] > 0.03 * whole


def test_large_requests_are_cut_into_several_pipelines(
    shared_cache: RedisServer, embedder: Recorder
) -> None:
    writes = sample("cache_redis_duration_seconds_count", operation="write", outcome="answered")
    embed(embedder, *(f"long list {number}" for number in range(1000)))
    assert shared_cache.calls("set") == 1000
    made = sample("cache_redis_duration_seconds_count", operation="write", outcome="answered")
    assert made - writes == 2


def test_a_killed_redis_is_done_without_and_found_again(
    shared_cache: RedisServer, embedder: Recorder
) -> None:
    impatient()
    embed(embedder, "before")
    shared_cache.kill()
    start = failures()
    for number in range(5):
        embed(embedder, f"while it is away {number}")
    assert embed(embedder, "before").cached.all()  # from memory
    assert failures() - start < 5

    shared_cache.start()
    assert used_again(shared_cache, embedder)


def test_a_frozen_redis_costs_its_timeout_once(
    hasty_cache: RedisServer, embedder: Recorder
) -> None:
    assert TIMEOUT_S < 0.05
    impatient()
    assert used_again(hasty_cache, embedder)  # it is connected
    hasty_cache.freeze()
    try:
        trials = {"operation": "trial", "outcome": "failed"}
        start, tried = failures(), sample("cache_redis_duration_seconds_count", **trials)
        for number in range(20):
            embed(embedder, f"while it is frozen {number}")
            time.sleep(0.02)  # the breaker's pauses end in between
        assert failures() - start == 1
        for _ in range(1000):
            if sample("cache_redis_duration_seconds_count", **trials) > tried:
                break
            time.sleep(0.05)  # a trial is another thread's
        assert sample("cache_redis_duration_seconds_count", **trials) > tried
    finally:
        hasty_cache.thaw()


def test_a_redis_that_goes_on_is_used_again(hasty_cache: RedisServer, embedder: Recorder) -> None:
    impatient()
    embed(embedder, "before")
    hasty_cache.freeze()
    embed(embedder, "while it is frozen")
    hasty_cache.thaw()
    assert used_again(hasty_cache, embedder)


def test_a_full_redis_is_read_and_not_written(
    shared_cache: RedisServer, client: "Redis", embedder: Recorder
) -> None:
    embed(embedder, "before")
    client.config_set("maxmemory-policy", "noeviction")
    # By far: what its clients' buffers held may be free a moment later.
    client.config_set("maxmemory", str(client.info("memory")["used_memory"] // 2))
    start_cache()
    refused, failed = sample("cache_unwritten_total"), failures()
    embed(embedder, "one", "two")
    assert sample("cache_unwritten_total") - refused == 2
    assert failures() == failed
    assert embed(embedder, "before").cached.all()


def test_a_flushed_redis_is_filled_again(
    shared_cache: RedisServer, client: "Redis", embedder: Recorder
) -> None:
    embed(embedder, "tea")
    client.flushall()
    start_cache()
    assert not embed(embedder, "tea").cached.any()
    start_cache()
    assert embed(embedder, "tea").cached.all()


@pytest.mark.parametrize("bit", [0, 16 * 8, 20 * 8 + 3, START * 8 + 1, -1])
def test_a_flipped_bit_is_a_miss_counted_and_repaired(
    shared_cache: RedisServer, client: "Redis", embedder: Recorder, bit: int
) -> None:
    embed(embedder, "tea")
    (key,) = client.scan_iter()
    value = bytearray(content(client, key))
    value[bit // 8] ^= 1 << bit % 8
    client.set(key, bytes(value))
    start_cache()
    corrupt, missed = counted("redis", "corrupt"), counted("redis", "miss")
    assert not embed(embedder, "tea").cached.any()
    assert counted("redis", "corrupt") - corrupt == 1
    assert counted("redis", "miss") == missed
    start_cache()
    assert embed(embedder, "tea").cached.all()


@pytest.mark.parametrize("value", [b"", b"x", b"x" * 31, b"x" * 1568])
def test_what_others_put_under_our_keys_is_a_miss(
    shared_cache: RedisServer, client: "Redis", embedder: Recorder, value: bytes
) -> None:
    embed(embedder, "tea", "milk")
    keys = list(client.scan_iter())
    client.set(keys[0], value)
    client.delete(keys[1])
    client.rpush(keys[1], "a list")
    start_cache()
    assert not embed(embedder, "tea", "milk").cached.any()


def test_values_swapped_between_keys_are_misses(
    shared_cache: RedisServer, client: "Redis", embedder: Recorder
) -> None:
    embed(embedder, "tea", "milk")
    client.rename(*client.scan_iter())
    start_cache()
    assert not embed(embedder, "tea", "milk").cached.any()


def test_deleting_touches_no_other_key(
    shared_cache: RedisServer, client: "Redis", embedder: Recorder
) -> None:
    others = {f"embed:other:{number}".encode(): b"1" for number in range(3000)} | {b"x": b"2"}
    client.mset(others)
    embed(embedder, *TEXTS)
    assert shared().delete(prefix=prefix_of(model_scope("another"))) == 0
    assert shared().delete(prefix=prefix_of(model_scope("hashing-384"))) == 32
    assert shared().delete(prefix=prefix_of(EVERYTHING)) == 0
    assert set(client.scan_iter()) == set(others)


def test_deleting_what_is_older(
    shared_cache: RedisServer, client: "Redis", embedder: Recorder
) -> None:
    embed(embedder, *TEXTS)
    time.sleep(0.01)
    moment = now_ms()
    time.sleep(0.01)
    embed(embedder, "later", "latest")
    assert shared().delete(prefix=prefix_of(EVERYTHING), before_ms=moment) == 32
    assert client.dbsize() == 2


def test_a_redis_that_does_not_answer_deletes_nothing(
    shared_cache: RedisServer, embedder: Recorder
) -> None:
    embed(embedder, "tea")
    shared_cache.kill()
    assert shared().delete(prefix=prefix_of(EVERYTHING)) is None
    assert shared().server() is None


def test_half_of_the_processes_without_redis_are_still_right(embedder: Recorder) -> None:
    assert the_cache().shared is None
    embed(embedder, "tea")
    assert embed(embedder, "tea").cached.all()
