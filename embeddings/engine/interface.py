"""What the engine promises: the embedder, what it returns, and how it is set up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from embeddings.types.model import ModelDeclaration

InputType = Literal["document", "query"]
Precision = Literal["float32", "bfloat16", "float16"]
ModelKind = Literal["embedding", "reranker"]
Provider = Literal["local", "remote"]
RuntimeName = Literal["openvino", "pytorch", "hashing", "remote"]


class UnusableModel(RuntimeError):
    """A model's folder is broken or asks for what is not allowed; the message says what."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """`vectors` C-contiguous float32 `(n, dimensions)`; `tokens` int32 `(n,)`, those really read,
    special ones and the prompt's included; `truncated` bool `(n,)`.
    """

    vectors: NDArray[np.float32]
    tokens: NDArray[np.int32]
    truncated: NDArray[np.bool_]


class Embedder(Protocol):
    """Texts to vectors; safe to share between threads."""

    @property
    def name(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    @property
    def max_tokens(self) -> int: ...

    @property
    def fingerprint(self) -> str:
        """Identity of the vectors: equal fingerprints, equal vectors (|Δ| ≤ 1e-5 in float32)."""
        ...

    @property
    def runtime(self) -> RuntimeName: ...

    def embed(
        self,
        texts: Sequence[str],
        *,
        input_type: InputType = "document",
        truncate: bool = True,
        gone: Callable[[], bool] | None = None,
    ) -> Embedded:
        """The texts' vectors in their order.

        Raises TextTooLong, before any inference, for the first text that would have to be cut while
        `truncate` is off; EngineUnavailable; and CallerGone once `gone()`, which is asked now and
        then and must be cheap, says that nobody waits any more: what has not begun is dropped.
        """
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens each text has, special ones included, prompts not, however many there are."""
        ...

    def close(self) -> None:
        """Give the model's threads and memory back; the embedder can't be used afterwards."""
        ...


@runtime_checkable
class Queueing(Protocol):
    """An embedder whose callers wait in a queue."""

    @property
    def waiting_tokens(self) -> int:
        """Tokens that it was asked to embed and has not yet, estimated."""
        ...


@dataclass(frozen=True, slots=True)
class Scores:
    """How relevant each text is to the query: `logits` float32 `(n,)` is what the model says, by
    which to rank; `scores` float32 `(n,)` the same in 0…1; `tokens` int32 `(n,)`, those read for
    each text, special ones included.
    """

    scores: NDArray[np.float32]
    logits: NDArray[np.float32]
    tokens: NDArray[np.int32]


class Reranker(Protocol):
    """Texts judged against a query, each for itself; safe to share between threads."""

    @property
    def name(self) -> str: ...

    @property
    def max_tokens(self) -> int:
        """The most that is read of a text, by a cross-encoder of query and text together."""
        ...

    @property
    def runtime(self) -> RuntimeName: ...

    def score(
        self,
        query: str,
        texts: Sequence[str],
        *,
        truncate: bool = True,
        text_tokens: int | None = None,
        gone: Callable[[], bool] | None = None,
    ) -> Scores:
        """The texts' scores in their order; `text_tokens` is the most that is read of each text.

        Raises TextTooLong, EngineUnavailable and CallerGone as Embedder.embed does.
        """
        ...

    def close(self) -> None:
        """Give the model's threads and memory back; the reranker can't be used afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class RemoteOptions:
    """Seconds that a provider has to accept a connection, to send the next bytes of its answer, and
    for one call in all, its retries and its fallback included.
    """

    connect_timeout: float = 2.0
    read_timeout: float = 10.0
    budget: float = 30.0


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """`threads` 0 is one for each core that this process may use; `batch_tokens` is a ceiling:
    a runtime takes less where less is faster. `remote` says nothing of what the models are.
    """

    data_dir: Path
    model_dir: Path | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Precision = "float32"
    threads: int = 0
    batch_tokens: int = 8192
    queue_tokens: int = 131_072
    models: tuple[ModelDeclaration, ...] = ()
    remote: RemoteOptions = field(default=RemoteOptions(), compare=False)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a model is, known without loading it; `revision` is the weights' hash, shortened.

    `dimensions` is 0 for a reranker; `matryoshka` are the sizes that its vectors may be cut to;
    `created` is when its files came here, in seconds since 1970, 0 where it has none. Of one that
    is not `usable` only the name, the kind and the provider are known.
    """

    name: str
    dimensions: int
    max_tokens: int
    revision: str
    fingerprint: str
    kind: ModelKind = "embedding"
    provider: Provider = "local"
    matryoshka: tuple[int, ...] = ()
    normalized: bool = True
    pooling: str = "mean"
    precision: Precision = "float32"
    price_per_million_tokens: Decimal | None = None
    token_ids: Literal["cl100k_base", "own"] = "cl100k_base"  # noqa: S105 - no password
    created: int = 0
    usable: bool = True
