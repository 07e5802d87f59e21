"""The embedder that asks a provider: an OpenAI-compatible server or an instance of this service."""

import contextvars
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

import numpy as np
import structlog
from numpy.typing import NDArray

from embeddings.engine.interface import (
    Embedded,
    Embedder,
    InputType,
    RemoteOptions,
    RuntimeName,
)
from embeddings.engine.remote_failures import ProviderFailure, Refused
from embeddings.engine.remote_http import Limits
from embeddings.engine.remote_protocol import (
    LEAST_TEXTS,
    MOST_TEXTS,
    Asked,
    Protocol,
    estimated_tokens,
)
from embeddings.engine.remote_provider import Provider
from embeddings.exceptions import TextTooLong
from embeddings.exceptions_remote import InputRefused

MOST_BYTES = 256 * 1024
"""Of one request. OpenAI takes 300,000 tokens, and a token is a byte at least; others take less,
which is found out."""

PARALLEL = 8
"""Requests of one call that are under way at once."""

BYTES_PER_NUMBER = 32
"""At most, in an answer: as JSON, a float32 has up to 14 characters, a float64 24."""

OTHER_BYTES = 64 * 1024
SAME_VECTORS = "Declare the same fingerprint for both models, if they make the same vectors."

log = structlog.stdlib.get_logger("embeddings.engine")


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """A model as it is called here and there, and what its vectors are like.

    `expected` is the fingerprint that the provider's answers must name where they name one.
    """

    name: str
    remote_name: str
    protocol: Protocol
    dimensions: int
    max_tokens: int
    fingerprint: str
    expected: str = ""
    query_prompt: str = ""
    document_prompt: str = ""
    normalize: bool = False


class RemoteEmbedder:
    """An Embedder whose model runs elsewhere; see EngineUnavailable for when it does not answer."""

    runtime: RuntimeName = "remote"

    def __init__(
        self,
        model: RemoteModel,
        provider: Provider,
        *,
        options: RemoteOptions,
        fallback: Callable[[], Embedder] | None = None,
    ) -> None:
        self.name = model.name
        self.dimensions = model.dimensions
        self.max_tokens = model.max_tokens
        self.fingerprint = model.fingerprint
        self._model = model
        self._provider = provider
        self._options = options
        self._fallback = fallback
        self._most_texts = MOST_TEXTS
        self._threads: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    def embed(
        self,
        texts: Sequence[str],
        *,
        input_type: InputType = "document",
        truncate: bool = True,
        gone: Callable[[], bool] | None = None,
    ) -> Embedded:
        """As Embedder.embed. With the protocol `openai`, tokens are shared out by the texts'
        lengths, none is said to be truncated, and a text is too long when the provider says so.
        """
        deadline = time.monotonic() + self._options.budget
        return self.embed_until(
            deadline, texts, input_type=input_type, truncate=truncate, gone=gone
        )

    def embed_until(
        self,
        deadline: float,
        texts: Sequence[str],
        *,
        input_type: InputType,
        truncate: bool,
        gone: Callable[[], bool] | None,
    ) -> Embedded:
        """As `embed`, with this end of the time budget on the monotonic clock."""
        model = self._model
        prompt = model.query_prompt if input_type == "query" else model.document_prompt
        asked = Asked(
            protocol=model.protocol,
            model=model.remote_name,
            texts=[prompt + text for text in texts] if prompt else list(texts),
            dimensions=self.dimensions,
            input_type=input_type,
            truncate=truncate,
            fingerprint=model.expected,
        )
        try:
            embedded = self._ask(asked, self._limits(deadline, gone))
        except ProviderFailure as failure:
            told = self._provider.told(failure)
            other = None if isinstance(told, InputRefused) else self._stand_in()
            if other is None:
                raise told from None
            if isinstance(other, RemoteEmbedder):
                return other.embed_until(
                    deadline, texts, input_type=input_type, truncate=truncate, gone=gone
                )
            return other.embed(texts, input_type=input_type, truncate=truncate, gone=gone)
        if model.normalize:
            return replace(embedded, vectors=_normalized(embedded.vectors))
        return embedded

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """A guess from the texts' lengths: the provider has the tokenizer."""
        return [estimated_tokens(text) for text in texts]

    def close(self) -> None:
        """End the idle connections and threads."""
        self._provider.close()
        with self._lock:
            threads, self._threads = self._threads, None
        if threads:
            threads.shutdown(wait=False, cancel_futures=True)

    def _limits(self, deadline: float, gone: Callable[[], bool] | None) -> Limits:
        now = time.monotonic()
        # Half of the time is the fallback's.
        share = 1.0 if self._fallback is None else 0.5
        return Limits(
            deadline=now + share * (deadline - now),
            connect=self._options.connect_timeout,
            silence=self._options.read_timeout,
            max_bytes=OTHER_BYTES + MOST_TEXTS * (self.dimensions * BYTES_PER_NUMBER + 256),
            gone=gone,
        )

    def _stand_in(self) -> Embedder | None:
        """The fallback, if there is one that makes the same vectors."""
        if self._fallback is None:
            return None
        other = self._fallback()
        if other.fingerprint != self.fingerprint:
            log.error("fallback_refused", model=self.name, fallback=other.name, advice=SAME_VECTORS)
            return None
        log.warning("provider_failed_over", model=self.name, fallback=other.name)
        return other

    def _ask(self, asked: Asked, limits: Limits) -> Embedded:
        """Raises ProviderFailure, TextTooLong, CallerGone."""
        if not asked.texts:
            return asked.read({"data": [], "usage": {}})
        parts = list(_parts(asked.texts, most=self._most_texts))
        if len(parts) == 1:
            return self._ask_once(asked, limits, start=0)
        over = threading.Event()
        gone = limits.gone
        limits = replace(limits, gone=lambda: over.is_set() or (gone is not None and gone()))
        starts = np.cumsum([0, *map(len, parts[:-1])]).tolist()
        futures = [
            self._submit(replace(asked, texts=part), limits, start)
            for part, start in zip(parts, starts, strict=True)
        ]
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            failed = [future for future in futures if future in done and future.exception()]
            return _joined([future.result() for future in failed or futures])
        finally:
            over.set()  # when one has failed, nobody waits for the others
            for future in futures:
                future.cancel()

    def _ask_once(self, asked: Asked, limits: Limits, start: int) -> Embedded:
        try:
            return self._provider.call(
                "POST", asked.path, read=asked.read, limits=limits, payload=asked.payload
            )
        except Refused as refusal:
            if (too_long := asked.too_long(refusal)) is not None:
                index, tokens = too_long
                raise TextTooLong(
                    index=start + index, tokens=tokens, max_tokens=self.max_tokens
                ) from None
            if len(asked.texts) == 1 or not asked.is_divisible(refusal):
                raise
            return self._ask_fewer(asked, limits, start, learn=not asked.has_long_text(refusal))

    def _ask_fewer(self, asked: Asked, limits: Limits, start: int, *, learn: bool) -> Embedded:
        """Half as many texts at a time, or fewer; `learn` to begin so the next time."""
        most, done, parts = -(-len(asked.texts) // 2), 0, []
        while done < len(asked.texts):
            texts = asked.texts[done : done + most]
            parts.append(self._ask_once(replace(asked, texts=texts), limits, start + done))
            done += len(texts)
            if learn:
                self._most_texts = max(LEAST_TEXTS, min(self._most_texts, most))
                most = min(most, self._most_texts)
        return _joined(parts)

    def _submit(self, asked: Asked, limits: Limits, start: int) -> "Future[Embedded]":
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(
                    PARALLEL, thread_name_prefix=f"remote-{self.name}"
                )
            # With the log's context: the request's id goes along.
            context = contextvars.copy_context()
            return self._threads.submit(context.run, self._ask_once, asked, limits, start)


def _parts(texts: Sequence[str], *, most: int) -> Iterator[Sequence[str]]:
    """Runs of at most `most` texts and MOST_BYTES; a longer text goes alone."""
    start = size = 0
    for end, text in enumerate(texts):
        added = len(text.encode("utf-8", "surrogatepass"))
        if end > start and (end - start == most or size + added > MOST_BYTES):
            yield texts[start:end]
            start, size = end, 0
        size += added
    yield texts[start:]


def _joined(parts: list[Embedded]) -> Embedded:
    return Embedded(
        vectors=np.concatenate([part.vectors for part in parts]),
        tokens=np.concatenate([part.tokens for part in parts]),
        truncated=np.concatenate([part.truncated for part in parts]),
    )


def _normalized(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths: NDArray[np.float32] = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / lengths
