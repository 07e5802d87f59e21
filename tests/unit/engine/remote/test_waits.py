"""When a provider is asked again: Retry-After, backoff and the circuit breaker."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import numpy as np
import pytest
from structlog.testing import capture_logs
from tenacity import RetryCallState

from embeddings.breaker import Breaker
from embeddings.engine import remote_provider as module
from embeddings.engine.interface import Embedder
from embeddings.engine.remote_failures import ADVICE_BUSY
from embeddings.exceptions import EngineUnavailable
from tests.unit.engine.remote.conftest import Make
from tests.unit.engine.remote.fake_provider import (
    DIMENSIONS,
    FakeProvider,
    provider,
    status,
    vectors_of,
)

TEXTS = ["tea", "coffee"]


def test_retry_after_is_waited_for(server: FakeProvider, make: Make) -> None:
    server.faults = [status(429, headers={"Retry-After": "1"})]
    started = time.monotonic()
    make(server).embed(TEXTS)
    assert 1 <= time.monotonic() - started < 30


def in_a_minute() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)


@pytest.mark.parametrize("code", [429, 503])
@pytest.mark.parametrize("value", [lambda: "60", in_a_minute])
def test_a_retry_after_beyond_the_budget_is_passed_on_at_once(
    code: int, value: Callable[[], str], server: FakeProvider, make: Make
) -> None:
    server.faults = [status(code, headers={"Retry-After": value()})] * 9
    embedder = make(server, budget=30)
    started = time.monotonic()
    with capture_logs() as logs, pytest.raises(EngineUnavailable) as caught:
        embedder.embed(TEXTS)
    assert time.monotonic() - started < 20
    assert [(entry["log_level"], entry["advice"]) for entry in logs] == [("warning", ADVICE_BUSY)]
    assert 40 <= int(caught.value.headers["Retry-After"]) <= 60
    assert len(server.requests) == 1


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("value", ["soon", "nan", "inf", "-5", "1e999", ""])
def test_a_senseless_retry_after_is_ignored(value: str, server: FakeProvider, make: Make) -> None:
    server.faults = [status(429, headers={"Retry-After": value})]
    np.testing.assert_array_equal(make(server).embed(TEXTS).vectors, vectors_of(TEXTS))


def test_a_model_that_another_instance_can_use_in_a_moment_is_waited_for(
    server: FakeProvider, make: Make
) -> None:
    """It has no memory for it beside those in use."""
    server.faults = [status(503, {"code": "model_unusable"}, {"Retry-After": "1"})]
    np.testing.assert_array_equal(make(server).embed(TEXTS).vectors, vectors_of(TEXTS))


def test_busy_is_not_broken(server: FakeProvider, make: Make) -> None:
    embedder = make(server)
    server.faults = [status(503, headers={"Retry-After": "600"})] * 10
    for _ in range(10):
        with pytest.raises(EngineUnavailable):
            embedder.embed(TEXTS)
    np.testing.assert_array_equal(embedder.embed(TEXTS).vectors, vectors_of(TEXTS))


@pytest.fixture
def port() -> Iterator[int]:
    """Nobody listens there, and it is given to nobody who asks for any."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The breakers' clock."""
    now = [1000.0]
    monkeypatch.setattr(module, "Breaker", lambda **kept: Breaker(**kept, clock=lambda: now[0]))
    return now


@pytest.mark.usefixtures("soon")
def test_a_provider_that_is_down_is_left_alone_and_found_again(
    make: Make, now: list[float], port: int
) -> None:
    embedder = make(f"http://127.0.0.1:{port}/v1")
    with pytest.raises(EngineUnavailable):
        embedder.embed(TEXTS)
    with provider(("127.0.0.1", port)) as server:
        server.faults = [status(500)]
        for _ in range(10):
            with pytest.raises(EngineUnavailable) as caught:
                embedder.embed(TEXTS)
        assert server.requests == []
        assert caught.value.headers["Retry-After"] == "5"

        now[0] += 5
        with ThreadPoolExecutor(8) as threads:
            outcomes = list(threads.map(lambda _: tried(embedder), range(8)))
        assert not any(outcomes)
        assert len(server.requests) == 1

        now[0] += 10
        assert tried(embedder)
        assert tried(embedder)


def tried(embedder: Embedder) -> bool:
    try:
        return bool((embedder.embed(TEXTS).vectors == vectors_of(TEXTS)).all())
    except EngineUnavailable:
        return False


@pytest.mark.usefixtures("soon")
def test_the_breaker_is_the_providers_and_not_the_models(
    server: FakeProvider, make: Make, now: list[float]
) -> None:
    server.faults = [status(500)] * 9
    first, second = make(server), make(server, name="other")
    assert not tried(first)
    asked = len(server.requests)
    assert not tried(second)
    assert len(server.requests) == asked


@pytest.mark.usefixtures("soon")
def test_a_wrongly_declared_model_takes_no_other_down(server: FakeProvider, make: Make) -> None:
    right, wrong = make(server), make(server, name="wrong", dimensions=DIMENSIONS + 1)
    for _ in range(3):
        assert not tried(wrong)
    assert tried(right)


def test_waits_grow_with_full_jitter() -> None:
    state = RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # type: ignore[arg-type]
    for attempt, longest in ((1, 0.25), (2, 0.5), (3, 1.0), (10, 8.0)):
        state.attempt_number = attempt
        waits = [module.FULL_JITTER(state) for _ in range(300)]
        assert 0 <= min(waits) < 0.1 * longest
        assert 0.9 * longest < max(waits) <= longest
