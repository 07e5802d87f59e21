"""Single-flight."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from embeddings.cache.flights import Flights
from embeddings.exceptions import CallerGone, EngineUnavailable


def test_a_key_is_claimed_once_until_it_lands() -> None:
    flights = Flights()
    assert flights.claim([b"a", b"b"]) == ([b"a", b"b"], {})
    mine, others = flights.claim([b"b", b"c"])
    assert (mine, list(others)) == ([b"c"], [b"b"])
    flights.land([b"a", b"b"], {b"a": b"1", b"b": b"2"})
    assert others[b"b"].wait(gone=None) == b"2"
    assert flights.claim([b"b"])[0] == [b"b"]


def test_who_waits_gets_nothing_of_a_failure_that_was_not_about_its_key() -> None:
    flights = Flights()
    flights.claim([b"a"])
    _, others = flights.claim([b"a"])
    flights.land([b"a"], {})
    assert others[b"a"].wait(gone=None) is None


def test_who_waits_is_refused_as_the_first_was() -> None:
    flights = Flights()
    flights.claim([b"a", b"b"])
    _, others = flights.claim([b"a", b"b"])
    flights.land([b"a", b"b"], {b"a": b"1"}, EngineUnavailable())
    assert others[b"a"].wait(gone=None) == b"1"
    with pytest.raises(EngineUnavailable):
        others[b"b"].wait(gone=None)


def test_a_caller_that_has_gone_does_not_wait() -> None:
    flights = Flights()
    flights.claim([b"a"])
    _, others = flights.claim([b"a"])
    with pytest.raises(CallerGone):
        others[b"a"].wait(gone=lambda: True)


def test_of_many_threads_exactly_one_claims() -> None:
    flights = Flights()
    start = threading.Barrier(16)

    def claim(_: int) -> int:
        start.wait()
        return len(flights.claim([b"a"])[0])

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(claim, range(16))) == 1
