"""The reranker that asks a provider: in Cohere's and Jina's protocol, which vLLM and this service
speak too, or in text-embeddings-inference's.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import structlog
from numpy.typing import NDArray

from embeddings.engine.interface import RemoteOptions, Reranker, RuntimeName, Scores, UnusableModel
from embeddings.engine.remote_failures import TOO_MUCH, BadAnswer, ProviderFailure, Refused
from embeddings.engine.remote_http import Limits
from embeddings.engine.remote_protocol import LEAST_TEXTS, MOST_TEXTS, estimated_tokens
from embeddings.engine.remote_provider import Provider
from embeddings.exceptions import TextTooLong
from embeddings.exceptions_remote import InputRefused
from embeddings.types.model import ModelDeclaration

log = structlog.stdlib.get_logger("embeddings.engine")

RerankProtocol = Literal["cohere", "tei"]

MAX_TOKENS_UNSTATED = 4096
"""What Cohere reads of a document unless told otherwise."""

BEYOND_FLOAT32 = 1e38
BYTES_PER_RESULT = 512
OTHER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, and what is expected of the answer."""

    protocol: RerankProtocol
    model: str
    query: str
    texts: Sequence[str]
    truncate: bool
    text_tokens: int | None

    @property
    def payload(self) -> dict[str, Any]:
        if self.protocol == "tei":
            return {
                "query": self.query,
                "texts": self.texts,
                "raw_scores": False,
                "truncate": self.truncate,
            }
        asked = {
            "model": self.model,
            "query": self.query,
            "documents": self.texts,
            "top_n": len(self.texts),
            "return_documents": False,
        }
        return asked | ({"max_tokens_per_doc": self.text_tokens} if self.text_tokens else {})

    def read(self, answer: Any) -> tuple[NDArray[np.float32], int]:
        """What the provider says of each text, in their order, and how many tokens it read; 0 where
        it does not say. Raises BadAnswer.
        """
        try:
            if self.protocol == "tei":
                scores = self._numbers(answer, "score")
                if not ((scores >= 0) & (scores <= 1)).all():
                    raise BadAnswer("a score is not within 0 and 1")
                return scores, 0
            return self._numbers(answer["results"], "relevance_score"), _total_tokens(answer)
        except (KeyError, TypeError, AttributeError) as error:
            raise BadAnswer(f"the answer has another shape ({type(error).__name__})") from None

    def _numbers(self, results: list[dict[str, Any]], key: str) -> NDArray[np.float32]:
        count = len(self.texts)
        if sorted(row["index"] for row in results) != list(range(count)):
            raise BadAnswer("the indexes do not number the texts")
        numbers = np.empty(count, dtype=np.float32)
        for row in results:
            if type(row[key]) not in (int, float) or not abs(row[key]) < BEYOND_FLOAT32:
                raise BadAnswer("a score is not a finite number")
            numbers[row["index"]] = row[key]
        return numbers


class RemoteReranker:
    """A Reranker whose model runs elsewhere; see EngineUnavailable for when it does not answer."""

    runtime: RuntimeName = "remote"

    def __init__(
        self,
        provider: Provider,
        *,
        name: str,
        remote_name: str,
        protocol: RerankProtocol,
        max_tokens: int,
        options: RemoteOptions,
        fallback: Callable[[], Reranker] | None = None,
    ) -> None:
        self.name = name
        self.max_tokens = max_tokens
        self._provider = provider
        self._remote_name = remote_name
        self._protocol = protocol
        self._options = options
        self._fallback = fallback
        self._most_texts = MOST_TEXTS

    def score(
        self,
        query: str,
        texts: Sequence[str],
        *,
        truncate: bool = True,
        text_tokens: int | None = None,
        gone: Callable[[], bool] | None = None,
    ) -> Scores:
        """As Reranker.score. What is too long, the provider decides; only
        text-embeddings-inference is told of `truncate`, and only Cohere of `text_tokens`.
        """
        # Half of the time is the fallback's.
        share = 1.0 if self._fallback is None else 0.5
        limits = Limits(
            deadline=time.monotonic() + share * self._options.budget,
            connect=self._options.connect_timeout,
            silence=self._options.read_timeout,
            max_bytes=OTHER_BYTES + len(texts) * BYTES_PER_RESULT,
            gone=gone,
        )
        asked = Asked(self._protocol, self._remote_name, query, texts, truncate, text_tokens)
        try:
            said, total = self._ask(asked, limits)
        except ProviderFailure as failure:
            told = self._provider.told(failure)
            if self._fallback is None or isinstance(told, InputRefused):
                raise told from None
            other = self._fallback()
            log.warning("provider_failed_over", model=self.name, fallback=other.name)
            return other.score(query, texts, truncate=truncate, text_tokens=text_tokens, gone=gone)
        return Scores(scores=np.clip(said, 0, 1), logits=said, tokens=_shared(texts, total))

    def close(self) -> None:
        """Close the idle connections."""
        self._provider.close()

    def _ask(self, asked: Asked, limits: Limits) -> tuple[NDArray[np.float32], int]:
        """Part by part, smaller ones where the provider finds them too large."""
        said: list[NDArray[np.float32]] = []
        total = start = 0
        most = self._most_texts
        while start < len(asked.texts):
            part = replace(asked, texts=asked.texts[start : start + most])
            try:
                numbers, tokens = self._provider.call(
                    "POST", "/rerank", read=part.read, limits=limits, payload=part.payload
                )
            except Refused as refusal:
                if refusal.status not in TOO_MUCH or (asked.truncate and len(part.texts) == 1):
                    raise
                if len(part.texts) == 1:
                    raise self._too_long(part, index=start) from None
                most = (len(part.texts) + 1) // 2
                continue
            said.append(numbers)
            total += tokens
            start += len(part.texts)
        # Not sooner: it may have been one text that was refused, and not their number.
        self._most_texts = max(LEAST_TEXTS, min(self._most_texts, most))
        return np.concatenate(said), total

    def _too_long(self, part: Asked, *, index: int) -> TextTooLong:
        tokens = estimated_tokens(part.query) + estimated_tokens(part.texts[0])
        return TextTooLong(index=index, tokens=tokens, max_tokens=self.max_tokens)


def remote_reranker(
    declaration: ModelDeclaration,
    options: RemoteOptions,
    *,
    fallback: Callable[[], Reranker] | None = None,
) -> RemoteReranker:
    """The reranker as declared; `fallback` gives the one to ask when it fails. Raises
    UnusableModel.
    """
    key = declaration.api_key
    try:
        provider = Provider(
            model=declaration.name,
            url=declaration.url or "",
            api_key=key.get_secret_value() if key else None,
        )
    except ValueError as error:
        raise UnusableModel(f"{declaration.name}: {error}.") from None
    return RemoteReranker(
        provider,
        name=declaration.name,
        remote_name=declaration.remote_name or declaration.name,
        protocol=declaration.rerank_protocol,
        max_tokens=declaration.max_tokens or MAX_TOKENS_UNSTATED,
        options=options,
        fallback=fallback,
    )


def _total_tokens(answer: dict[str, Any]) -> int:
    """As Jina says it; Cohere counts otherwise."""
    usage = answer.get("usage")
    total = usage.get("total_tokens") if isinstance(usage, dict) else None
    return total if type(total) is int and total > 0 else 0


def _shared(texts: Sequence[str], total: int) -> NDArray[np.int32]:
    """The total shared out by the texts' lengths, or a guess where there is none."""
    sizes = np.array([estimated_tokens(text) for text in texts], dtype=np.float64)
    # Rounding the running sum, not each share, keeps the sum exact.
    ends = np.rint(np.cumsum(sizes) * ((total or sizes.sum()) / sizes.sum()))
    return np.asarray(np.diff(ends, prepend=0), dtype=np.int32)
