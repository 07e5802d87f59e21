"""Callers of a queue whose runtime is held up, for tests."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.engine.batch_queue import BatchQueue
from tests.unit.engine.gated_runtime import GatedRuntime

FIRST = [1, 1, 1]
"""What keeps the runtime busy while others queue up."""


def make_queue(runtime: GatedRuntime, *, queue_tokens: int = 100_000) -> BatchQueue:
    return BatchQueue(
        runtime, name="adding", dimensions=2, batch_tokens=8192, queue_tokens=queue_tokens
    )


def sums(texts: Sequence[Sequence[int]]) -> list[list[float]]:
    return [[float(sum(ids)), float(len(ids))] for ids in texts]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
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
    assert runtime.entered.acquire(timeout=60)
    yield callers
    callers.run_all()
