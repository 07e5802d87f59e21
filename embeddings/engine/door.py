"""The engine of this machine: one process that holds the local models for all others, and its
embedders and rerankers as these see them.

What it is asked and answers is exact, and between processes of one version: arrays go as base64 of
their bytes, and what the engine refuses comes back as the very exception.
"""

import base64
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from embeddings.engine.interface import Embedded, InputType, ModelInfo, RuntimeName, Scores
from embeddings.engine.remote_failures import BadAnswer, ProviderFailure
from embeddings.engine.remote_http import Limits, Unreachable
from embeddings.engine.remote_provider import Provider
from embeddings.exceptions import (
    EmbeddingsError,
    EngineOverloaded,
    EngineUnavailable,
    ModelUnusable,
    TextTooLong,
    UnknownModel,
    WrongModelKind,
)

CONNECT_S = 1.0
PATIENCE_S = 300.0
"""Bulk work takes as long as it takes, as with a model of this process."""

LOOK_AFTER_S = 5.0
"""A caller who waits longer looks, and again after as long, whether the engine is still there."""

SILENT_S = 15.0
"""An engine that answers no glance for so long hangs; one that loads a model may take some."""

GLANCE_S = 2.0
"""For a question that needs no model."""

PAUSE_S = 1.0
"""A killed engine is back within seconds."""

OTHER_BYTES = 64 * 1024

REFUSALS: Mapping[str, type[EmbeddingsError]] = {
    refusal.code: refusal
    for refusal in (
        EngineOverloaded,
        EngineUnavailable,
        ModelUnusable,
        TextTooLong,
        UnknownModel,
        WrongModelKind,
    )
}


T = TypeVar("T")
Number = TypeVar("Number", np.float32, np.int32, np.bool_)


@dataclass(frozen=True, slots=True)
class Door:
    """Where the engine listens, and the key that it lets in."""

    socket: Path
    key: str


class SharedEngine:
    """The engine process; safe to share between threads."""

    def __init__(self, door: Door) -> None:
        self._provider = Provider(
            model="engine",
            url=f"unix:{door.socket}",
            api_key=door.key,
            attempts=1,
            pause_s=PAUSE_S,
            longest_pause_s=PAUSE_S,
        )

    def ask(
        self,
        path: str,
        payload: object,
        *,
        read: Callable[[dict[str, Any]], T],
        max_bytes: int = 0,
        patience: float = PATIENCE_S,
        gone: Callable[[], bool] | None = None,
    ) -> T:
        """What `read` makes of the answer.

        Raises EngineUnavailable, CallerGone, and what the engine raised.
        """
        try:
            return self._ask(path, payload, read, max_bytes, patience, self._watching(gone))
        except ProviderFailure as failure:
            raise self._provider.unavailable(failure) from None

    def _ask(
        self,
        path: str,
        payload: object,
        read: Callable[[dict[str, Any]], T],
        max_bytes: int,
        patience: float,
        gone: Callable[[], bool] | None = None,
    ) -> T:
        """As `ask`, but raises ProviderFailure."""

        def checked(answer: Any) -> T | EmbeddingsError:
            try:
                problem = answer.get("problem")
                if problem is not None:
                    return REFUSALS[problem["code"]](**problem["values"])
                return read(answer)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise BadAnswer(f"the answer has another shape ({type(error).__name__})") from None

        limits = Limits(
            deadline=time.monotonic() + patience,
            connect=CONNECT_S,
            silence=patience,
            max_bytes=OTHER_BYTES + max_bytes,
            gone=gone,
        )
        result = self._provider.call("POST", path, read=checked, limits=limits, payload=payload)
        if isinstance(result, EmbeddingsError):
            raise result
        return result

    def loaded(self, models: Sequence[str]) -> set[str]:
        """Those that answer without loading first; none while the engine is down, which is told to
        whoever wants more of it than a glance.
        """
        try:
            return self._ask("/loaded", {"models": models}, _names, 0, GLANCE_S)
        except (ProviderFailure, EmbeddingsError):
            return set()

    def _watching(self, gone: Callable[[], bool] | None) -> Callable[[], bool]:
        """`gone`, which also looks after the engine. Raises Unreachable when that hangs."""
        due = time.monotonic() + LOOK_AFTER_S

        def watched() -> bool:
            nonlocal due
            if gone is not None and gone():
                return True
            if time.monotonic() >= due:
                deadline = time.monotonic() + SILENT_S
                limits = Limits(deadline, CONNECT_S, SILENT_S, OTHER_BYTES, gone)
                if not self._provider.answers("/loaded", limits=limits, payload={"models": []}):
                    raise Unreachable("the engine hangs")
                due = time.monotonic() + LOOK_AFTER_S
            return False

        return watched

    def close(self) -> None:
        """Close the idle connections."""
        self._provider.close()


class SharedEmbedder:
    """An Embedder whose model the engine holds."""

    runtime: RuntimeName = "remote"

    def __init__(self, info: ModelInfo, engine: SharedEngine) -> None:
        self.name = info.name
        self.dimensions = info.dimensions
        self.max_tokens = info.max_tokens
        self.fingerprint = info.fingerprint
        self._engine = engine

    def embed(
        self,
        texts: Sequence[str],
        *,
        input_type: InputType = "document",
        truncate: bool = True,
        gone: Callable[[], bool] | None = None,
    ) -> Embedded:
        """As Embedder.embed, and the same vectors as in the engine."""
        count = len(texts)

        def read(answer: dict[str, Any]) -> Embedded:
            if answer["fingerprint"] != self.fingerprint:
                raise BadAnswer("the engine's model is another; restart the service")
            vectors = from_base64(answer["vectors"], np.float32)
            return Embedded(
                vectors=vectors.reshape(count, self.dimensions),
                tokens=from_base64(answer["tokens"], np.int32).reshape(count),
                truncated=from_base64(answer["truncated"], np.bool_).reshape(count),
            )

        return self._engine.ask(
            "/embed",
            {
                "model": self.name,
                "texts": list(texts),
                "input_type": input_type,
                "truncate": truncate,
            },
            read=read,
            max_bytes=count * (8 * self.dimensions + 16),
            gone=gone,
        )

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """As Embedder.count_tokens."""
        return self._engine.ask(
            "/count",
            {"model": self.name, "texts": list(texts)},
            read=lambda answer: [int(tokens) for tokens in answer["counts"]],
            max_bytes=16 * len(texts),
        )

    def close(self) -> None:
        """The engine is another's to close."""


class SharedReranker:
    """A Reranker whose model the engine holds."""

    runtime: RuntimeName = "remote"

    def __init__(self, info: ModelInfo, engine: SharedEngine) -> None:
        self.name = info.name
        self.max_tokens = info.max_tokens
        self._engine = engine

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
        return self._engine.ask(
            "/score",
            {
                "model": self.name,
                "query": query,
                "texts": list(texts),
                "truncate": truncate,
                "text_tokens": text_tokens,
            },
            read=lambda answer: Scores(
                scores=from_base64(answer["scores"], np.float32).reshape(len(texts)),
                logits=from_base64(answer["logits"], np.float32).reshape(len(texts)),
                tokens=from_base64(answer["tokens"], np.int32).reshape(len(texts)),
            ),
            max_bytes=24 * len(texts),
            gone=gone,
        )

    def close(self) -> None:
        """The engine is another's to close."""


def _names(answer: dict[str, Any]) -> set[str]:
    return {str(name) for name in answer["loaded"]}


def to_base64(array: NDArray[Any]) -> str:
    """The array's bytes."""
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def from_base64(text: str, kind: type[Number]) -> NDArray[Number]:
    """The array, flat; it owns its memory. Raises ValueError, TypeError."""
    return np.frombuffer(bytearray(base64.b64decode(text, validate=True)), dtype=kind)
