"""The queue when callers go, texts fail, too many come, or the service stops."""

import threading

import pytest

from embeddings.exceptions import CallerGone, EngineOverloaded, EngineUnavailable
from tests.unit.engine.gated_runtime import POISON, GatedRuntime
from tests.unit.engine.queue_callers import FIRST, held_up, make_queue, sums, wait_until


def test_what_has_not_begun_of_a_caller_that_has_gone_is_dropped() -> None:
    gone = threading.Event()
    with held_up() as callers:
        mine = callers.call([[5, 5], [6, 6]], gone=gone.is_set)
        other = callers.call([[6, 6]])
        gone.set()
        with pytest.raises(CallerGone):
            mine.result(60)
        assert callers.run_all() == [[(6, 6)]]

    assert other.result().tolist() == [[12.0, 2.0]]


def test_what_has_not_begun_of_an_interrupted_caller_is_dropped() -> None:
    def interrupt() -> bool:
        raise KeyboardInterrupt

    with held_up() as callers:
        with pytest.raises(KeyboardInterrupt):
            callers.threads.submit(callers.queue.vectors, [[5, 5]], gone=interrupt).result(60)
        assert callers.run_all() == []


def test_a_caller_may_go_while_its_text_runs_and_another_joins_it() -> None:
    gone = threading.Event()
    with held_up() as callers:
        mine = callers.call([FIRST], gone=gone.is_set)
        gone.set()
        with pytest.raises(CallerGone):
            mine.result(60)
        other = callers.call([FIRST])
        assert callers.run_all() == []

    assert other.result().tolist() == sums([FIRST])


def test_a_dropped_text_can_be_asked_for_again() -> None:
    gone = threading.Event()
    with held_up() as callers:
        mine = callers.call([[5, 5]], gone=gone.is_set)
        gone.set()
        with pytest.raises(CallerGone):
            mine.result(60)
        again = callers.call([[5, 5]])
        assert callers.run_all() == [[(5, 5)]]

    assert again.result().tolist() == [[10.0, 2.0]]


def test_a_full_queue_refuses_at_once_and_says_when_to_come_again() -> None:
    """It makes no room by itself: who waited for that would wait for ever."""
    queue = make_queue(GatedRuntime(), queue_tokens=100)
    queue._speed = 10.0

    with queue.admitted(60), queue.admitted(60):
        with pytest.raises(EngineOverloaded) as refused, queue.admitted(1):
            pass
        assert refused.value.status == 503
        assert refused.value.headers == {"Retry-After": "12"}
    with queue.admitted(500):
        pass
    queue.close()


def test_large_requests_leave_room_for_small_ones() -> None:
    queue = make_queue(GatedRuntime(best_batch_tokens=128), queue_tokens=1000)

    with queue.admitted(749), queue.admitted(129):
        with pytest.raises(EngineOverloaded), queue.admitted(129):
            pass
        with queue.admitted(128), pytest.raises(EngineOverloaded), queue.admitted(1):
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
        closing.join(60)

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
            mine.result(60)
        callers.run_all()
        queue = callers.queue

    assert (queue.callers, queue._waiting, queue.waiting_tokens) == (0, 0, 0)
    assert not queue._texts
    assert not queue._small
    assert not queue._large
