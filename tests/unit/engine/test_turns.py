"""Batches of several callers on one pool of threads."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from embeddings.engine.turns import take_turns


@pytest.fixture
def workers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_it_works(workers: ThreadPoolExecutor) -> None:
    assert list(take_turns(workers, lambda x: x * x, range(20), at_once=3)) == [
        x * x for x in range(20)
    ]


def test_a_small_caller_does_not_wait_for_a_large_one(workers: ThreadPoolExecutor) -> None:
    ran: list[str] = []
    gate = threading.Event()

    def run(batch: str) -> None:
        gate.wait(120)
        ran.append(batch)

    many = ["large"] * 50
    with ThreadPoolExecutor(2) as callers:
        large = callers.submit(lambda: list(take_turns(workers, run, many, at_once=2)))
        while workers._work_queue.qsize() < 1:
            time.sleep(0.01)
        small = callers.submit(lambda: list(take_turns(workers, run, ["small"], at_once=2)))
        while workers._work_queue.qsize() < 2:
            time.sleep(0.01)
        gate.set()
        small.result(60)
        large.result(60)

    assert ran.index("small") == 2
    assert len(ran) == 51


def test_what_has_not_begun_is_dropped_when_one_fails(workers: ThreadPoolExecutor) -> None:
    ran: list[int] = []
    gate = threading.Event()

    def run(batch: int) -> None:
        gate.wait(120)
        ran.append(batch)
        if batch == 0:
            gate.clear()
            raise ValueError("broken")

    gate.set()
    with pytest.raises(ValueError, match="broken"):
        list(take_turns(workers, run, range(9), at_once=4))
    gate.set()
    workers.submit(int).result(60)
    assert ran[0] == 0
    assert len(ran) <= 2
