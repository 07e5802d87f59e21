"""The circuit breaker: when it opens, whom it lets through, and that it never blocks."""

import threading
from concurrent.futures import ThreadPoolExecutor

from embeddings.breaker import Breaker


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> Breaker:
    breaker = Breaker(failures=3, pause_s=10, clock=clock)
    assert [breaker.failed() for _ in range(4)] == [False, False, True, False]
    assert breaker.is_open
    return breaker


def test_it_opens_after_failures_in_a_row() -> None:
    breaker = Breaker(failures=2, pause_s=3600)
    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    assert breaker.allows()
    assert breaker.opens_in() == 0
    breaker.failed()
    assert not breaker.allows()
    assert 3000 < breaker.opens_in() <= 3600


def test_half_open_lets_exactly_one_through() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 10
    start = threading.Barrier(16)

    def ask(_: int) -> bool:
        start.wait()
        return breaker.allows()

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(ask, range(16))) == 1


def test_the_trial_decides_and_its_failure_doubles_the_pause() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 10
    assert breaker.allows()
    clock.now += 1
    breaker.failed()
    clock.now += 19.9
    assert not breaker.allows()
    clock.now += 0.1
    assert breaker.allows()
    breaker.succeeded()
    assert not breaker.is_open
    assert breaker.allows()
    for _ in range(3):
        breaker.failed()
    assert breaker.opens_in() == 10


def test_a_trial_that_never_ends_does_not_close_the_door_for_ever() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 10
    assert breaker.allows()
    clock.now += 20
    assert breaker.allows()
    assert not breaker.allows()


def test_the_pause_has_an_end() -> None:
    clock = Clock()
    breaker = opened(clock)
    for _ in range(5):
        clock.now += 30
        assert breaker.allows()
        breaker.failed()
    assert breaker.opens_in() == 30


def test_calls_run_side_by_side() -> None:
    breaker = Breaker(failures=3, pause_s=10)
    inside = threading.Barrier(10)

    def call(_: int) -> None:
        assert breaker.allows()
        inside.wait(60)
        breaker.succeeded()

    with ThreadPoolExecutor(10) as threads:
        list(threads.map(call, range(10)))
