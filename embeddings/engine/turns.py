"""Batches of many callers on one pool of threads, taking turns."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Batch = TypeVar("Batch")
Result = TypeVar("Result")


def take_turns(
    workers: ThreadPoolExecutor,
    run: Callable[[Batch], Result],
    batches: Sequence[Batch],
    *,
    at_once: int,
) -> Iterator[Result]:
    """The results in the order of the batches. No more than `at_once` of them wait in the pool, so
    that a caller with a few batches gets its turn beside one with many. Whatever has not begun is
    dropped when one fails, or when the caller stops asking.
    """
    waiting: deque[Future[Result]] = deque()
    try:
        for batch in batches:
            if len(waiting) == at_once:
                yield waiting.popleft().result()
            waiting.append(workers.submit(run, batch))
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
