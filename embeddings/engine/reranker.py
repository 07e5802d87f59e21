"""A cross-encoder as a Reranker: reads pairs, batches them, runs the batches on a runtime."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embeddings.engine.batching import pad
from embeddings.engine.interface import RuntimeName, Scores
from embeddings.engine.logits import sigmoid
from embeddings.engine.pairs import PairReader, ReadPairs
from embeddings.engine.turns import in_batches
from embeddings.exceptions import TextTooLong


class PairRuntime(Protocol):
    """Runs one padded batch; called from at most `streams` threads at once."""

    @property
    def name(self) -> RuntimeName: ...

    @property
    def streams(self) -> int: ...

    @property
    def best_batch_tokens(self) -> int: ...

    @property
    def pad_id(self) -> int: ...

    def run(
        self, ids: NDArray[np.int64], mask: NDArray[np.int64], **more: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Logits float32 `(n,)` of ids and mask `(n, longest)`; `more` may be `token_type_ids`."""
        ...


class CrossEncoder:
    """A model that reads query and text together; one thread per stream of the runtime."""

    def __init__(
        self,
        *,
        name: str,
        max_tokens: int,
        reader: PairReader,
        runtime: PairRuntime,
        takes_types: bool,
        batch_tokens: int,
    ) -> None:
        self.name = name
        self.max_tokens = max_tokens
        self.runtime: RuntimeName = runtime.name
        self._reader = reader
        self._model = runtime
        self._takes_types = takes_types
        self._budget = min(batch_tokens, runtime.best_batch_tokens)
        self._workers = ThreadPoolExecutor(runtime.streams, thread_name_prefix=f"rerank-{name}")

    def score(
        self,
        query: str,
        texts: Sequence[str],
        *,
        truncate: bool = True,
        text_tokens: int | None = None,
        gone: Callable[[], bool] | None = None,
    ) -> Scores:
        """As Reranker.score."""
        pairs = self._reader.read_pairs(query, texts, text_tokens=text_tokens)
        if not truncate and True in pairs.truncated:
            index = pairs.truncated.index(True)
            wanted = self._reader.count_pair(query, texts[index])
            raise TextTooLong(index=index, tokens=wanted, max_tokens=self.max_tokens)
        logits = self._logits(pairs, gone)
        tokens = np.array([len(ids) for ids in pairs.token_ids], dtype=np.int32)
        return Scores(scores=sigmoid(logits), logits=logits, tokens=tokens)

    def close(self) -> None:
        """Ends the threads after the batches they run; the runtime goes with the last reference."""
        self._workers.shutdown(cancel_futures=True)

    def _logits(self, pairs: ReadPairs, gone: Callable[[], bool] | None) -> NDArray[np.float32]:
        def run(rows: NDArray[np.intp]) -> NDArray[np.float32]:
            ids, mask = pad([pairs.token_ids[row] for row in rows], pad_id=self._model.pad_id)
            if not self._takes_types:
                return self._model.run(ids, mask)
            types, _ = pad([pairs.type_ids[row] for row in rows], pad_id=0)
            return self._model.run(ids, mask, token_type_ids=types)

        return in_batches(
            self._workers,
            run,
            [len(ids) for ids in pairs.token_ids],
            streams=self._model.streams,
            budget=self._budget,
            gone=gone,
        )
