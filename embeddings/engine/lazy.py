"""Embedders and rerankers whose models are loaded when they are first used."""

from collections.abc import Callable, Sequence

from embeddings.engine.interface import (
    Embedded,
    Embedder,
    InputType,
    ModelInfo,
    Queueing,
    Reranker,
    RuntimeName,
    Scores,
)
from embeddings.engine.residents import Resident


class LazyEmbedder:
    """What the model is, known at once; the model itself is borrowed for each call."""

    def __init__(self, info: ModelInfo, resident: Resident[Embedder]) -> None:
        self.name = info.name
        self.dimensions = info.dimensions
        self.max_tokens = info.max_tokens
        self.fingerprint = info.fingerprint
        self._resident = resident

    @property
    def is_loaded(self) -> bool:
        """Whether it answers without loading first."""
        return self._resident.is_loaded

    @property
    def runtime(self) -> RuntimeName:
        """As Embedder.runtime; known only of a loaded model, which is loaded for it."""
        with self._resident.borrow() as embedder:
            return embedder.runtime

    @property
    def waiting_tokens(self) -> int:
        """As Queueing.waiting_tokens; does not load the model."""
        model = self._resident.model
        return model.waiting_tokens if isinstance(model, Queueing) else 0

    def load(self) -> None:
        """Load it now. Raises ModelUnusable."""
        with self._resident.borrow():
            pass

    def embed(
        self,
        texts: Sequence[str],
        *,
        input_type: InputType = "document",
        truncate: bool = True,
        gone: Callable[[], bool] | None = None,
    ) -> Embedded:
        """As Embedder.embed. Raises ModelUnusable too."""
        with self._resident.borrow() as embedder:
            return embedder.embed(texts, input_type=input_type, truncate=truncate, gone=gone)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """As Embedder.count_tokens. Raises ModelUnusable."""
        with self._resident.borrow() as embedder:
            return embedder.count_tokens(texts)

    def close(self) -> None:
        """Unload the model, unless it is in use or pinned; the next call would load it again."""
        self._resident.unload()


class LazyReranker:
    """As LazyEmbedder, for a reranker."""

    def __init__(self, info: ModelInfo, resident: Resident[Reranker]) -> None:
        self.name = info.name
        self.max_tokens = info.max_tokens
        self._resident = resident

    @property
    def is_loaded(self) -> bool:
        """Whether it answers without loading first."""
        return self._resident.is_loaded

    @property
    def runtime(self) -> RuntimeName:
        """As Reranker.runtime; known only of a loaded model, which is loaded for it."""
        with self._resident.borrow() as reranker:
            return reranker.runtime

    def score(
        self,
        query: str,
        texts: Sequence[str],
        *,
        truncate: bool = True,
        text_tokens: int | None = None,
        gone: Callable[[], bool] | None = None,
    ) -> Scores:
        """As Reranker.score. Raises ModelUnusable too."""
        with self._resident.borrow() as reranker:
            return reranker.score(
                query, texts, truncate=truncate, text_tokens=text_tokens, gone=gone
            )

    def close(self) -> None:
        """As LazyEmbedder.close."""
        self._resident.unload()
