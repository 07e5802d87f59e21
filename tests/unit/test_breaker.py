"""The circuit breaker: when it opens, whom it lets through, and that it never blocks."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from embeddings.breaker import Breaker


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> Breaker:
    breaker = Breaker(failures=3, cooldown=10, clock=clock)
    for _ in range(3):
        assert breaker.allow()
        breaker.failed()
    return breaker


def test_it_opens_after_failures_in_a_row() -> None:
    breaker = Breaker(failures=2, cooldown=10)
    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    assert breaker.allow()
    assert breaker.opens_in() == 0
    breaker.failed()
    assert not breaker.allow()
    assert 9 < breaker.opens_in() <= 10


def test_half_open_lets_exactly_one_through() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 10
    start = threading.Barrier(16)

    def ask(_: int) -> bool:
        start.wait()
        return breaker.allow()

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(ask, range(16))) == 1


def test_the_trial_decides() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 10
    assert breaker.allow()
    clock.now += 1
    breaker.failed()
    clock.now += 9.9
    assert not breaker.allow()
    clock.now += 0.1
    assert breaker.allow()
    breaker.succeeded()
    assert breaker.allow()
    assert breaker.allow()


def test_a_trial_that_never_ends_does_not_close_the_door_for_ever() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 10
    assert breaker.allow()
    clock.now += 10
    assert breaker.allow()
    assert not breaker.allow()


def test_calls_run_side_by_side() -> None:
    breaker = Breaker(failures=3, cooldown=10)

    def call(_: int) -> None:
        assert breaker.allow()
        time.sleep(0.1)
        breaker.succeeded()

    started = time.perf_counter()
    with ThreadPoolExecutor(10) as threads:
        list(threads.map(call, range(10)))
    assert time.perf_counter() - started < 0.5
