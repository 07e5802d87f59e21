"""A runtime for tests: adds up token ids, notes what it ran, and waits while its gate is shut."""

import threading
import time

import numpy as np
from numpy.typing import NDArray

from embeddings.engine.interface import RuntimeName

POISON = 666
"""A batch with this id in it fails."""


class GatedRuntime:
    """The vector of a text is the sum of its ids and their number."""

    name: RuntimeName = "openvino"
    pad_id = 9

    def __init__(self, *, streams: int = 1, best_batch_tokens: int = 128, cost: int = 16) -> None:
        self.streams = streams
        self.best_batch_tokens = best_batch_tokens
        self.run_cost_tokens = cost
        self.seconds = 0.0
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)
        self.batches: list[list[tuple[int, ...]]] = []

    @property
    def texts(self) -> list[tuple[int, ...]]:
        """All that was run, in the order of the runs."""
        return [ids for batch in self.batches for ids in batch]

    def run(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        rows = [tuple(row[held == 1].tolist()) for row, held in zip(ids, mask, strict=True)]
        self.batches.append(rows)
        self.entered.release()
        assert self.gate.wait(120)
        time.sleep(self.seconds)
        if POISON in ids:
            raise RuntimeError("out of memory")
        return np.stack([(ids * mask).sum(axis=1), mask.sum(axis=1)], axis=1).astype(np.float32)
