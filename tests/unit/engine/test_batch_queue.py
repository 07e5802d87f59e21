"""The queue between callers and a runtime that only adds up token ids."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.engine.gated_runtime import GatedRuntime
from tests.unit.engine.queue_callers import FIRST, held_up, make_queue, sums, wait_until


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


def test_a_small_request_overtakes_any_number_of_large_ones() -> None:
    """Also those that came long before it and have not had their share by far."""
    runtime = GatedRuntime()
    with held_up(runtime, threads=20) as callers:
        for caller in range(12):
            callers.call([[2, caller, at, *range(60)] for at in range(30)])
        runtime.seconds = 0.002
        runtime.gate.set()
        wait_until(lambda: len(runtime.batches) > 60)
        runtime.gate.clear()
        before = len(runtime.batches)
        query = callers.threads.submit(callers.queue.vectors, [[3, 3, 3]])
        wait_until(lambda: (3, 3, 3) in callers.queue._texts)
        runtime.gate.set()
        query.result(60)
        after = [(3, 3, 3) in batch for batch in runtime.batches[before:]].index(True)

    assert after <= 3


def test_large_requests_run_one_after_the_other_and_the_shorter_ones_first() -> None:
    with held_up(threads=20) as callers:
        callers.call([[2, 2, at, *range(60)] for at in range(40)])
        for caller in range(3, 6):
            callers.call([[2, caller, at, *range(60)] for at in range(10)])
        batches = callers.run_all()

    order = [ids[1] for batch in batches for ids in batch]
    assert order == [3] * 10 + [4] * 10 + [5] * 10 + [2] * 40


def test_a_large_request_gets_its_share_however_many_small_ones_come() -> None:
    """However many there are: behind each run comes another small request, for ever."""
    runtime = GatedRuntime(best_batch_tokens=32, cost=0)
    queue = make_queue(runtime)
    runtime.gate.clear()
    stop = threading.Event()
    run = runtime.run

    def run_when_all_have_asked(ids: Any, mask: Any) -> Any:
        vectors = run(ids, mask)
        wait_until(lambda: stop.is_set() or queue.callers == 8 + (not bulk.done()))
        return vectors

    runtime.run = run_when_all_have_asked  # type: ignore[method-assign]

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
        bulk.result(60)
        stop.set()
        for each in small:
            each.result(60)
    queue.close()

    # 50 of its own, three small ones for each of them, and what was under way.
    served = runtime.texts.index((2, 2, 49, *[1] * 27))
    assert 150 < served < 260


def test_a_lone_text_runs_at_once() -> None:
    queue = make_queue(GatedRuntime())
    took = []
    for _ in range(50):
        started = time.perf_counter()
        queue.vectors([[1]])
        took.append(time.perf_counter() - started)

    assert min(took) < 0.01
    queue.close()


def test_a_request_is_spread_over_the_streams() -> None:
    runtime = GatedRuntime(streams=2, best_batch_tokens=8192)
    queue = make_queue(runtime)
    runtime.gate.clear()

    with ThreadPoolExecutor(1) as threads:
        result = threads.submit(queue.vectors, [[at + 1] * 100 for at in range(8)])
        assert runtime.entered.acquire(timeout=60)
        assert runtime.entered.acquire(timeout=60)
        runtime.gate.set()
        result.result(60)

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
