"""The queue between callers and a runtime that only adds up token ids."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.engine.batch_queue import BatchQueue
from embeddings.exceptions import CallerGone, EngineOverloaded, EngineUnavailable
from tests.unit.engine.gated_runtime import POISON, GatedRuntime

FIRST = [1, 1, 1]
"""What keeps the runtime busy while others queue up."""


def make_queue(runtime: GatedRuntime, *, queue_tokens: int = 100_000) -> BatchQueue:
    return BatchQueue(
        runtime, name="adding", dimensions=2, batch_tokens=8192, queue_tokens=queue_tokens
    )


def sums(texts: Sequence[Sequence[int]]) -> list[list[float]]:
    return [[float(sum(ids)), float(len(ids))] for ids in texts]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


class Callers:
    """Threads that call a queue whose runtime is held up by a first batch."""

    def __init__(self, runtime: GatedRuntime, *, threads: int) -> None:
        self.runtime = runtime
        self.queue = make_queue(runtime)
        self.threads = ThreadPoolExecutor(threads)

    def call(self, texts: Sequence[Sequence[int]], **options: Any) -> Future[NDArray[np.float32]]:
        """Seen to wait in the queue before the next one comes."""
        before = self.queue.callers
        future = self.threads.submit(self.queue.vectors, texts, **options)
        wait_until(lambda: self.queue.callers > before)
        return future

    def run_all(self) -> list[list[tuple[int, ...]]]:
        """Open the gate; the batches that ran after the first."""
        self.runtime.gate.set()
        self.queue.close()
        self.threads.shutdown()
        return self.runtime.batches[1:]


@contextmanager
def held_up(runtime: GatedRuntime | None = None, *, threads: int = 16) -> Iterator[Callers]:
    runtime = runtime or GatedRuntime()
    callers = Callers(runtime, threads=threads)
    runtime.gate.clear()
    callers.call([FIRST])
    assert runtime.entered.acquire(timeout=10)
    yield callers
    callers.run_all()


def test_it_works() -> None:
    queue = make_queue(GatedRuntime(streams=2))
    texts = [list(range(length)) for length in (5, 3, 40, 1, 17, 3)]

    vectors = queue.vectors(texts)

    assert vectors.tolist() == sums(texts)
    assert vectors.dtype == np.float32
    assert vectors.flags.c_contiguous
    queue.close()


@given(
    requests=st.lists(
        st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=12), max_size=20), max_size=6
    )
)
def test_every_caller_gets_the_vectors_of_its_texts_in_their_order(
    requests: list[list[list[int]]],
) -> None:
    queue = make_queue(GatedRuntime(streams=2, best_batch_tokens=16))

    with ThreadPoolExecutor(6) as threads:
        results = list(threads.map(queue.vectors, requests))

    for texts, vectors in zip(requests, results, strict=True):
        assert vectors.tolist() == sums(texts)
    queue.close()


def test_no_texts_need_no_run() -> None:
    runtime = GatedRuntime()
    queue = make_queue(runtime)

    assert queue.vectors([]).shape == (0, 2)
    assert runtime.batches == []
    queue.close()


def test_texts_of_different_callers_share_a_batch() -> None:
    with held_up() as callers:
        results = [callers.call([[number] * 10]) for number in range(2, 7)]
        [batch] = callers.run_all()

    assert len(batch) == 5
    assert [result.result().tolist() for result in results] == [
        [[10.0 * number, 10.0]] for number in range(2, 7)
    ]


def test_a_batch_is_of_like_lengths_and_keeps_to_the_budget() -> None:
    lengths = [90, 5, 88, 6, 30, 4, 31, 89]
    with held_up(GatedRuntime(best_batch_tokens=270)) as callers:
        callers.call([[at + 2] * length for at, length in enumerate(lengths)])
        batches = callers.run_all()

    assert [sorted(map(len, batch)) for batch in batches] == [[88, 89, 90], [30, 31], [4, 5, 6]]


def test_a_small_request_overtakes_a_large_one() -> None:
    with held_up() as callers:
        bulk = callers.call([[2, at, *range(60)] for at in range(40)])
        query = callers.call([[3, 3, 3]])
        batches = callers.run_all()

    assert (3, 3, 3) in batches[0]
    assert query.result().tolist() == [[9.0, 3.0]]
    assert len(bulk.result()) == 40


def test_a_large_request_gets_its_share_however_many_small_ones_come() -> None:
    """However many there are: behind each run comes another small request, for ever."""
    runtime = GatedRuntime(best_batch_tokens=32, cost=0)
    runtime.seconds = 0.004
    queue = make_queue(runtime)
    runtime.gate.clear()
    stop = threading.Event()

    def keep_asking(caller: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            queue.vectors([[caller + 2, number, *[1] * 30]])

    with ThreadPoolExecutor(9) as threads:
        small = [threads.submit(keep_asking, caller) for caller in range(8)]
        wait_until(lambda: queue.callers == 8)
        bulk = threads.submit(queue.vectors, [[2, 2, at, *[1] * 27] for at in range(50)])
        wait_until(lambda: queue.callers == 9)
        runtime.gate.set()
        bulk.result(30)
        served = len(runtime.texts)
        stop.set()
        for each in small:
            each.result(10)
    queue.close()

    # 50 of its own, three small ones for each of them, and what was under way.
    assert 150 < served < 260


def test_a_lone_text_runs_at_once() -> None:
    queue = make_queue(GatedRuntime())
    queue.vectors([[1]])

    started = time.perf_counter()
    for _ in range(50):
        queue.vectors([[1]])

    assert (time.perf_counter() - started) / 50 < 0.01
    queue.close()


def test_a_request_is_spread_over_the_streams() -> None:
    runtime = GatedRuntime(streams=2, best_batch_tokens=8192)
    queue = make_queue(runtime)
    runtime.gate.clear()

    with ThreadPoolExecutor(1) as threads:
        result = threads.submit(queue.vectors, [[at + 1] * 100 for at in range(8)])
        assert runtime.entered.acquire(timeout=10)
        assert runtime.entered.acquire(timeout=10)
        runtime.gate.set()
        result.result(10)

    assert max(map(len, runtime.batches)) == 4
    queue.close()


def test_500_callers_with_the_same_text_have_it_run_once() -> None:
    text = [7, 8, 9]
    with held_up(threads=501) as callers:
        results = [callers.threads.submit(callers.queue.vectors, [text]) for _ in range(500)]
        wait_until(lambda: callers.queue.callers == 501)
        assert callers.run_all() == [[(7, 8, 9)]]

    assert all(result.result().tolist() == [[24.0, 3.0]] for result in results)


def test_a_text_that_runs_already_is_not_run_again() -> None:
    with held_up() as callers:
        again = callers.call([FIRST, FIRST])
        assert callers.run_all() == []

    assert again.result().tolist() == sums([FIRST, FIRST])


def test_a_query_that_equals_a_text_of_a_large_request_does_not_wait_for_it() -> None:
    texts = [[2, at, *range(60)] for at in range(40)]
    with held_up() as callers:
        bulk = callers.call(texts)
        query = callers.call([texts[-1]])
        batches = callers.run_all()

    assert tuple(texts[-1]) in batches[0]
    assert sum(len(batch) for batch in batches) == 40
    assert query.result().tolist() == sums(texts[-1:])
    assert bulk.result().tolist() == sums(texts)


def test_what_has_not_begun_of_a_caller_that_has_gone_is_dropped() -> None:
    gone = threading.Event()
    with held_up() as callers:
        mine = callers.call([[5, 5], [6, 6]], gone=gone.is_set)
        other = callers.call([[6, 6]])
        gone.set()
        with pytest.raises(CallerGone):
            mine.result(10)
        assert callers.run_all() == [[(6, 6)]]

    assert other.result().tolist() == [[12.0, 2.0]]


def test_a_caller_may_go_while_its_text_runs_and_another_joins_it() -> None:
    gone = threading.Event()
    with held_up() as callers:
        mine = callers.call([FIRST], gone=gone.is_set)
        gone.set()
        with pytest.raises(CallerGone):
            mine.result(10)
        other = callers.call([FIRST])
        assert callers.run_all() == []

    assert other.result().tolist() == sums([FIRST])


def test_a_dropped_text_can_be_asked_for_again() -> None:
    gone = threading.Event()
    with held_up() as callers:
        mine = callers.call([[5, 5]], gone=gone.is_set)
        gone.set()
        with pytest.raises(CallerGone):
            mine.result(10)
        again = callers.call([[5, 5]])
        assert callers.run_all() == [[(5, 5)]]

    assert again.result().tolist() == [[10.0, 2.0]]


def test_a_full_queue_refuses_at_once_and_says_when_to_come_again() -> None:
    queue = make_queue(GatedRuntime(), queue_tokens=100)
    queue._speed = 10.0

    with queue.admitted(60), queue.admitted(60):
        started = time.perf_counter()
        with pytest.raises(EngineOverloaded) as refused, queue.admitted(1):
            pass
        assert time.perf_counter() - started < 0.01
        assert refused.value.status == 503
        assert refused.value.headers == {"Retry-After": "12"}
    with queue.admitted(500):
        pass
    queue.close()


def test_retry_after_is_a_whole_number_of_seconds_within_reason() -> None:
    for speed, seconds in ((0.0, "1"), (1e6, "1"), (0.001, "60")):
        queue = make_queue(GatedRuntime(), queue_tokens=1)
        queue._speed = speed
        with queue.admitted(10), pytest.raises(EngineOverloaded) as refused, queue.admitted(1):
            pass
        assert refused.value.headers == {"Retry-After": seconds}
        queue.close()


def test_only_the_callers_of_the_text_at_fault_fail() -> None:
    with held_up() as callers:
        good = callers.call([[2, 2], [3, 3]])
        bad = callers.call([[4, 4], [POISON, 1], [5] * 100])
        same = callers.call([[POISON, 1], [6] * 100])
        other = callers.call([[4, 4]])
        callers.run_all()

    for future in (bad, same):
        with pytest.raises(RuntimeError, match="out of memory"):
            future.result()
    assert good.result().tolist() == sums([[2, 2], [3, 3]])
    assert other.result().tolist() == sums([[4, 4]])


def test_the_queue_works_on_after_a_failure() -> None:
    queue = make_queue(GatedRuntime())
    with pytest.raises(RuntimeError, match="out of memory"):
        queue.vectors([[POISON]])

    assert queue.vectors([[1, 2]]).tolist() == [[3.0, 2.0]]
    with pytest.raises(RuntimeError, match="out of memory"):
        queue.vectors([[POISON]])
    queue.close()


def test_closing_finishes_what_waits_and_takes_nothing_new() -> None:
    with held_up() as callers:
        waiting = callers.call([[2, 2], [3] * 50])
        closing = threading.Thread(target=callers.queue.close)
        closing.start()
        wait_until(lambda: callers.queue._closed)
        with pytest.raises(EngineUnavailable):
            callers.queue.vectors([[4]])
        assert closing.is_alive()
        callers.run_all()
        closing.join(10)

    assert waiting.result().tolist() == sums([[2, 2], [3] * 50])
    assert not any(thread.is_alive() for thread in callers.queue._threads)


def test_nothing_is_kept_of_what_is_done() -> None:
    gone = threading.Event()
    with held_up() as callers:
        callers.call([[2, at] for at in range(50)])
        mine = callers.call([[5, 5], [6, 6]], gone=gone.is_set)
        callers.call([[POISON], [7] * 100])
        gone.set()
        with pytest.raises(CallerGone):
            mine.result(10)
        callers.run_all()
        queue = callers.queue

    assert (queue.callers, queue._waiting, queue._admitted) == (0, 0, 0)
    assert not queue._texts
    assert not queue._heap
