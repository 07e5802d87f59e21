"""One queue for all callers of a model: their texts share batches, small requests overtake large
ones, equal texts are computed once.
"""

import heapq
import itertools
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from embeddings.engine.batching import best_companions, pad, share_budget
from embeddings.engine.runtime import Runtime
from embeddings.exceptions import CallerGone, EngineOverloaded, EngineUnavailable

QUEUE_TOKENS = 131_072
"""Bound of a queue unless the options say otherwise: 10 s of work for MiniLM on two slow cores."""

LARGE_TURN = 4
"""Every so many batches begin with a text of a large request, if one waits: a fourth of the engine
is theirs however many small requests come."""

LARGE_SHARE = 0.75
"""Of the queue that requests of more than one batch may fill: the rest is kept for small ones,
which overtake them and are out again soon."""

WINDOW = 4
"""Batches' worth of the most urgent texts that a batch is put together from."""

POLL_S = 0.1
"""How often a waiting caller is asked whether it has gone."""

SMOOTHING = 0.1
"""Weight of the last run in the measured speed."""

MAX_RETRY_AFTER = 60


Due = tuple[bool, float]
"""Whether of a large request, and when."""


class _Call:
    """One caller's texts, and where their vectors go."""

    __slots__ = ("error", "finished", "missing", "texts", "vectors")

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        self.vectors = vectors
        self.missing = len(vectors)
        self.texts: list[_Text] = []
        self.error: Exception | None = None
        self.finished = threading.Event()


class _Text:
    """Token ids and the rows that wait for their vector; equal ids are one text, whoever asks."""

    __slots__ = ("due", "ids", "number", "started", "wanted")

    def __init__(self, ids: tuple[int, ...], number: int) -> None:
        self.ids = ids
        self.number = number
        self.due: Due = (True, math.inf)
        self.started = False
        self.wanted: list[tuple[_Call, int]] = []


class BatchQueue:
    """Drained by one thread for each stream of the runtime.

    A small request, of no more than one batch, runs before all large ones, but for every fourth
    batch. Among its like a request is due when as many tokens have been served as it has itself:
    shorter ones run earlier, and none waits for ever, as what comes later is due later.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        name: str,
        dimensions: int,
        batch_tokens: int,
        queue_tokens: int,
    ) -> None:
        self._runtime = runtime
        self._dimensions = dimensions
        self._budget = min(batch_tokens, runtime.best_batch_tokens)
        self._limit = queue_tokens
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._numbers = itertools.count()
        self._texts: dict[tuple[int, ...], _Text] = {}
        self._small: list[tuple[Due, int, _Text]] = []
        self._large: list[tuple[Due, int, _Text]] = []
        self.callers = 0
        """How many wait for vectors."""
        self.waiting_tokens = 0  # of callers, estimated
        self._waiting = 0  # tokens of texts that have not begun
        self._served = 0  # tokens of all texts that ever began
        self._turns = 0  # batches since one began with a text of a large request
        self._speed = 0.0  # tokens a second, all streams together
        self._closed = False
        self._threads = [
            threading.Thread(target=self._drain, name=f"embed-{name}-{stream}", daemon=True)
            for stream in range(runtime.streams)
        ]
        for thread in self._threads:
            thread.start()

    @contextmanager
    def admitted(self, tokens: int) -> Iterator[None]:
        """Room for about so many tokens until the block ends. Raises EngineOverloaded where those
        admitted before fill the queue: early, so that a refusal costs next to nothing.
        """
        large = tokens > self._budget
        with self._lock:
            if self.waiting_tokens >= self._limit * (LARGE_SHARE if large else 1):
                raise EngineOverloaded(retry_after=self._retry_after())
            self.waiting_tokens += tokens
        try:
            yield
        finally:
            with self._lock:
                self.waiting_tokens -= tokens

    def vectors(
        self, token_ids: Sequence[Sequence[int]], *, gone: Callable[[], bool] | None = None
    ) -> NDArray[np.float32]:
        """Float32 `(n, dimensions)`, in the order of the texts.

        Raises EngineUnavailable once closed, CallerGone, and RuntimeError where the model fails on
        one of the texts.
        """
        call = _Call(np.empty((len(token_ids), self._dimensions), dtype=np.float32))
        if not token_ids:
            return call.vectors
        self._put(call, [tuple(ids) for ids in token_ids])
        try:
            self._wait(call, gone)
        except BaseException:  # gone, or interrupted
            with self._lock:
                self._abandon(call)
            raise
        finally:
            with self._lock:
                self.callers -= 1
        if call.error is not None:
            # A new one for each caller: threads must not share a traceback.
            raise RuntimeError(f"the model failed: {call.error}") from call.error
        return call.vectors

    def close(self) -> None:
        """Take no more texts, finish those that wait, end the threads."""
        with self._lock:
            self._closed = True
            self._work.notify_all()
        for thread in self._threads:
            thread.join()

    def _retry_after(self) -> int:
        if not self._speed:
            return 1
        return min(MAX_RETRY_AFTER, math.ceil(self.waiting_tokens / self._speed))

    def _put(self, call: _Call, texts: list[tuple[int, ...]]) -> None:
        """Longest first, so that what is due together is of like length."""
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]), reverse=True)
        tokens = sum(map(len, texts))
        with self._lock:
            if self._closed:
                raise EngineUnavailable
            self.callers += 1
            due = (tokens > self._budget, float(self._served + tokens))
            for row in order:
                ids = texts[row]
                text = self._texts.get(ids)
                if text is None:
                    text = self._texts[ids] = _Text(ids, next(self._numbers))
                    self._waiting += len(ids)
                text.wanted.append((call, row))
                call.texts.append(text)
                if not text.started and due < text.due:
                    text.due = due
                    self._push(text)
            self._work.notify(len(order))

    def _wait(self, call: _Call, gone: Callable[[], bool] | None) -> None:
        while not call.finished.wait(None if gone is None else POLL_S):
            if gone is not None and gone():
                raise CallerGone

    def _drain(self) -> None:
        while batch := self._next_batch():
            self._run(batch)

    def _next_batch(self) -> list[_Text]:
        """Waits for texts; empty once the queue is closed and drained."""
        with self._lock:
            while not (batch := self._take()):
                if self._closed:
                    return []
                self._work.wait()
            tokens = sum(len(text.ids) for text in batch)
            for text in batch:
                text.started = True
            self._waiting -= tokens
            self._served += tokens
        return batch

    def _take(self) -> list[_Text]:
        """The most urgent text and those that cost least beside it."""
        window = self._pop_window()
        if not window:
            return []
        leader = window[0]
        self._turns = 0 if leader.due[0] else self._turns + 1
        window.sort(key=lambda text: len(text.ids))
        first, last = best_companions(
            [len(text.ids) for text in window],
            window.index(leader),
            budget=share_budget(
                total_tokens=self._waiting, streams=self._runtime.streams, budget=self._budget
            ),
            padding=self._runtime.run_cost_tokens,
        )
        for text in (*window[:first], *window[last:]):
            self._push(text)
        return window[first:last]

    def _push(self, text: _Text) -> None:
        heap = self._large if text.due[0] else self._small
        heapq.heappush(heap, (text.due, text.number, text))

    def _pop_window(self) -> list[_Text]:
        window: list[_Text] = []
        room = WINDOW * self._budget
        first, then = self._small, self._large
        if self._turns >= LARGE_TURN - 1:
            first, then = then, first
        while (heap := first or then) and room > 0:
            due, _, text = heapq.heappop(heap)
            # Skipped: begun, wanted by nobody any more, or moved forward meanwhile.
            if not text.started and text.wanted and due == text.due:
                window.append(text)
                room -= len(text.ids)
        return window

    def _run(self, batch: list[_Text]) -> None:
        ids, mask = pad([text.ids for text in batch], pad_id=self._runtime.pad_id)
        started = time.perf_counter()
        try:
            vectors = self._runtime.run(ids, mask)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the thread
            self._rescue(batch, error)
            return
        speed = mask.sum() / (time.perf_counter() - started) * self._runtime.streams
        self._deliver(batch, vectors, float(speed))

    def _rescue(self, batch: list[_Text], error: Exception) -> None:
        """Halve the batch until the text at fault is alone, so that only its callers fail."""
        if len(batch) > 1:
            middle = len(batch) // 2
            self._run(batch[:middle])
            self._run(batch[middle:])
            return
        [text] = batch
        with self._lock:
            del self._texts[text.ids]
            for call in {call for call, _ in text.wanted}:
                call.error = error
                self._abandon(call)
                call.finished.set()

    def _deliver(self, batch: list[_Text], vectors: NDArray[np.float32], speed: float) -> None:
        with self._lock:
            self._speed += (SMOOTHING if self._speed else 1.0) * (speed - self._speed)
            for text, vector in zip(batch, vectors, strict=True):
                del self._texts[text.ids]
                for call, row in text.wanted:
                    call.vectors[row] = vector
                    call.missing -= 1
                    if not call.missing:
                        call.finished.set()

    def _abandon(self, call: _Call) -> None:
        """Nobody waits for the call: texts of its own that have not begun are dropped."""
        for text in call.texts:
            if not text.wanted:
                continue
            text.wanted = [(other, row) for other, row in text.wanted if other is not call]
            if not text.wanted and not text.started:
                del self._texts[text.ids]
                self._waiting -= len(text.ids)
