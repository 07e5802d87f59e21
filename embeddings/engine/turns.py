"""Batches of many callers on one pool of threads, taking turns."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from embeddings.engine.batching import cut_batches, share_budget
from embeddings.exceptions import CallerGone

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


def in_batches(
    workers: ThreadPoolExecutor,
    run: Callable[[NDArray[np.intp]], NDArray[np.float32]],
    lengths: Sequence[int],
    *,
    streams: int,
    budget: int,
    gone: Callable[[], bool] | None,
) -> NDArray[np.float32]:
    """A number for each text, float32 `(n,)`, from `run`, which is given the positions of a batch's
    texts; `lengths` are their tokens. Raises CallerGone before the next batch once `gone()`.
    """
    shared = share_budget(total_tokens=sum(lengths), streams=streams, budget=budget)
    batches = cut_batches(lengths, budget=shared)
    numbers = np.empty(len(lengths), dtype=np.float32)

    def wanted(rows: NDArray[np.intp]) -> NDArray[np.float32]:
        if gone is not None and gone():
            raise CallerGone
        return run(rows)

    # Two for each stream: one that runs, and one that keeps it from idling.
    parts = take_turns(workers, wanted, batches, at_once=2 * streams)
    for rows, part in zip(batches, parts, strict=True):
        numbers[rows] = part
    return numbers
