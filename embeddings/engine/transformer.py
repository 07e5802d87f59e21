"""The embedder around a transformer: reads texts in its caller's thread, has the queue run them."""

from collections.abc import Callable, Sequence

import numpy as np

from embeddings.engine.batch_queue import QUEUE_TOKENS, BatchQueue
from embeddings.engine.card import ModelCard
from embeddings.engine.interface import Embedded, InputType, RuntimeName
from embeddings.engine.reading import Reader
from embeddings.engine.runtime import Runtime
from embeddings.exceptions import CallerGone, TextTooLong

CHARS_PER_TOKEN = 4
"""To guess a text's tokens before it is read; English has about 4.5."""


class TransformerEmbedder:
    """A transformer model as an Embedder; one thread per stream of the runtime runs all batches."""

    def __init__(
        self,
        *,
        card: ModelCard,
        fingerprint: str,
        reader: Reader,
        runtime: Runtime,
        batch_tokens: int,
        queue_tokens: int = QUEUE_TOKENS,
    ) -> None:
        self.name = card.name
        self.dimensions = card.dimensions
        self.max_tokens = card.max_tokens
        self.fingerprint = fingerprint
        self.runtime: RuntimeName = runtime.name
        self._prompts = card.prompts
        self._reader = reader
        self._queue = BatchQueue(
            runtime,
            name=card.name,
            dimensions=card.dimensions,
            batch_tokens=batch_tokens,
            queue_tokens=queue_tokens,
        )

    @property
    def waiting_tokens(self) -> int:
        """As Queueing.waiting_tokens."""
        return self._queue.waiting_tokens

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
        with self._queue.admitted(self._about_tokens(prompted)):
            if gone is not None and gone():
                raise CallerGone
            read = self._reader.read(prompted)
            if not truncate and True in read.truncated:
                self._refuse(prompted, read.truncated.index(True))
            vectors = self._queue.vectors(read.token_ids, gone=gone)
        return Embedded(
            vectors=vectors,
            tokens=np.array([len(ids) for ids in read.token_ids], dtype=np.int32),
            truncated=np.array(read.truncated, dtype=np.bool_),
        )

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """As Embedder.count_tokens."""
        return self._reader.count(texts)

    def close(self) -> None:
        """Embeds what waits, then ends the threads; the runtime goes with the last reference."""
        self._queue.close()

    def _about_tokens(self, texts: Sequence[str]) -> int:
        return sum(min(self.max_tokens, 1 + len(text) // CHARS_PER_TOKEN) for text in texts)

    def _refuse(self, texts: Sequence[str], index: int) -> None:
        [tokens] = self._reader.count([texts[index]])
        raise TextTooLong(index=index, tokens=tokens, max_tokens=self.max_tokens)
