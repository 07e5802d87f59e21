"""The cache of several web processes, a worker and a Redis."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.redis_server import RedisServer
from tests.serve.instances import Instance, running

pytestmark = pytest.mark.serve

SHOW_BATCH = "from django.conf import settings; print('max_batch:', settings.EMBED.max_batch)"


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    server = RedisServer().start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def service(redis: RedisServer) -> Iterator[Instance]:
    with running(EMBED_WORKERS="2", REDIS_URL=redis.url) as instance:
        yield instance


def memory(service: Instance) -> dict[str, Any]:
    level: dict[str, Any] = service.call("GET", "/v1/cache/stats")[2]["levels"][0]
    return level


def cached(service: Instance, *texts: str) -> bool:
    status, _, answer = service.embed(*texts)
    assert status == 200
    return all(row["cached"] for row in answer["data"])


def ask_both(service: Instance, text: str) -> list[bool]:
    """Until both processes have missed the text in their memories."""
    misses = memory(service)["misses"]
    flags: list[bool] = []

    def both_have_missed() -> bool:
        flags.append(cached(service, text))
        return bool(memory(service)["misses"] - misses == 2)

    service.wait(both_have_missed)
    return flags


def test_processes_share_and_are_cleared_and_counted_together(
    service: Instance, redis: RedisServer
) -> None:
    before = memory(service)
    flags = ask_both(service, "tea")
    assert flags.count(False) == 1  # the other found it in Redis
    after = memory(service)
    assert after["entries"] - before["entries"] == 2
    assert after["hits"] - before["hits"] == len(flags) - 2

    redis.client().set("another's", "1")
    status, _, answer = service.call("POST", "/v1/cache/clear", {})
    assert (status, answer["redis"]) == (200, 1)
    time.sleep(1.1)
    assert ask_both(service, "tea").count(False) == 1
    assert redis.client().get("another's") == b"1"


def test_the_worker_warms_all(service: Instance) -> None:
    texts = [f"text {number}" for number in range(100)]
    job = service.call("POST", "/v1/cache/warm", {"texts": texts})[2]["job"]
    service.wait(lambda: service.call("GET", f"/v1/jobs/{job}")[2]["state"] == "succeeded")
    assert cached(service, *texts)


def test_a_frozen_redis_is_done_without(service: Instance, redis: RedisServer) -> None:
    redis.freeze()
    try:
        began = time.monotonic()
        for number in range(20):
            cached(service, f"while it is frozen {number}")
        assert time.monotonic() - began < 60  # without an end to the wait, the first would fail
    finally:
        redis.thaw()


def test_an_option_changes_in_every_process_without_a_restart(service: Instance) -> None:
    def following() -> set[int]:
        """Those that have taken over what is set."""
        lines = [line for line in service.log.read_text().splitlines() if '"live_settings"' in line]
        taken = [json.loads(line) for line in lines]
        return {line["process"] for line in taken if line["options"] == "max_batch"}

    def refusals() -> int:
        return [service.embed("a", "b", "c")[0] for _ in range(20)].count(400)

    assert refusals() == 0
    assert service.manage("set_option", "max_batch", "2").returncode == 0
    # Two web processes, the engine and the worker.
    service.wait(lambda: len(following()) == 4)
    assert refusals() == 20

    shown = json.loads(service.manage("config", "--json").stdout)["EMBED_MAX_BATCH"]
    assert shown == {"value": 2, "origin": "live"}
    command = service.manage("shell", "-c", SHOW_BATCH)
    assert "max_batch: 2" in command.stdout
    assert service.manage("set_option", "max_batch", "--reset").returncode == 0
    service.wait(lambda: refusals() == 0)


def test_the_commands_see_the_service(service: Instance) -> None:
    cached(service, "tea")
    shown = service.manage("cache_stats", "--json")
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["levels"][0]["misses"] > 0
    cleared = service.manage("clear_cache", "--json")
    assert cleared.returncode == 0, cleared.stderr
    time.sleep(1.1)
    assert not cached(service, "tea")
