"""The embedder around a transformer: reads, batches, runs the batches on a runtime."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embeddings.engine.batching import cut_batches, pad, share_budget
from embeddings.engine.card import ModelCard
from embeddings.engine.interface import Embedded, InputType, RuntimeName
from embeddings.engine.reading import Reader
from embeddings.exceptions import CallerGone, TextTooLong


class Runtime(Protocol):
    """Runs one padded batch; called from at most `streams` threads at once."""

    @property
    def name(self) -> RuntimeName: ...

    @property
    def streams(self) -> int: ...

    @property
    def best_batch_tokens(self) -> int:
        """The batch size, padding included, that was measured fastest on this kind of device."""
        ...

    @property
    def pad_id(self) -> int: ...

    def run(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        """Vectors float32 `(n, dimensions)` of ids and mask `(n, longest)`."""
        ...


class TransformerEmbedder:
    """A transformer model as an Embedder; one thread per stream of the runtime does all work."""

    def __init__(
        self,
        *,
        card: ModelCard,
        fingerprint: str,
        reader: Reader,
        runtime: Runtime,
        batch_tokens: int,
    ) -> None:
        self.name = card.name
        self.dimensions = card.dimensions
        self.max_tokens = card.max_tokens
        self.fingerprint = fingerprint
        self.runtime: RuntimeName = runtime.name
        self._prompts = card.prompts
        self._reader = reader
        self._model = runtime
        self._budget = min(batch_tokens, runtime.best_batch_tokens)
        self._workers = ThreadPoolExecutor(runtime.streams, thread_name_prefix=f"embed-{self.name}")

    def embed(
        self,
        texts: Sequence[str],
        *,
        input_type: InputType = "document",
        truncate: bool = True,
        gone: Callable[[], bool] | None = None,
    ) -> Embedded:
        """As Embedder.embed."""
        prompt = self._prompts[input_type]
        prompted = [prompt + text for text in texts] if prompt else texts
        read = self._reader.read(prompted)
        if not truncate and True in read.truncated:
            self._refuse(prompted, read.truncated.index(True))
        if gone is not None and gone():
            raise CallerGone
        return Embedded(
            vectors=self._vectors(read.token_ids),
            tokens=np.array([len(ids) for ids in read.token_ids], dtype=np.int32),
            truncated=np.array(read.truncated, dtype=np.bool_),
        )

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """As Embedder.count_tokens."""
        return self._reader.count(texts)

    def close(self) -> None:
        """Ends the threads after the batches they run; the runtime goes with the last reference."""
        self._workers.shutdown(cancel_futures=True)

    def _refuse(self, texts: Sequence[str], index: int) -> None:
        [tokens] = self._reader.count([texts[index]])
        raise TextTooLong(index=index, tokens=tokens, max_tokens=self.max_tokens)

    def _vectors(self, token_ids: list[list[int]]) -> NDArray[np.float32]:
        lengths = [len(ids) for ids in token_ids]
        budget = share_budget(
            total_tokens=sum(lengths), streams=self._model.streams, budget=self._budget
        )
        batches = cut_batches(lengths, budget=budget)
        vectors = np.empty((len(token_ids), self.dimensions), dtype=np.float32)

        def run(rows: NDArray[np.intp]) -> NDArray[np.float32]:
            ids, mask = pad([token_ids[row] for row in rows], pad_id=self._model.pad_id)
            return self._model.run(ids, mask)

        for rows, part in zip(batches, self._workers.map(run, batches), strict=True):
            vectors[rows] = part
        return vectors
