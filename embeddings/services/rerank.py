"""Texts judged against a query."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from django.conf import settings
from django.db import connection

from embeddings import telemetry
from embeddings.engine import Reranker, Scores
from embeddings.exceptions import EmptyInput, InvalidRequest, TextTooLong
from embeddings.services.audit_reads import note_use
from embeddings.services.budgets import charged
from embeddings.services.embed import check_text
from embeddings.services.engine import get_reranker
from embeddings.services.usage import record_usage
from embeddings.types.rerank import Ranked, RerankResult

CHARS_PER_TOKEN = 4
"""Of English text, in the vocabularies of common models."""

Gone = Callable[[], bool]


def rerank_texts(
    *,
    query: str,
    texts: Sequence[str],
    model: str | None = None,
    top_n: int | None = None,
    truncate: bool = True,
    text_tokens: int | None = None,
    gone: Gone | None = None,
    param: str = "documents",
) -> RerankResult:
    """The texts by how relevant they are to the query, best first, equal ones in their order; all
    of them, or the first `top_n`. `text_tokens` is the most that is read of each. `param` is what
    the request calls the texts.

    Raises EmptyInput, EmptyText, InvalidRequest, UnknownModel, WrongModelKind, TextTooLong (only
    with `truncate` off), EngineUnavailable, CallerGone, QuotaExceeded.
    """
    _check(query, texts, param)
    reranker = get_reranker(model)
    started = time.perf_counter()
    try:
        scores = charged(
            count=lambda: _expected_tokens(reranker, query, texts),
            work=lambda: _score(
                reranker, query, texts, gone=gone, truncate=truncate, text_tokens=text_tokens
            ),
            tokens=lambda scores: int(scores.tokens.sum()),
        )
    except TextTooLong as error:
        index = error.values["index"]
        raise error.at(f"{param}.{index}", index=index) from None
    tokens = int(scores.tokens.sum())
    telemetry.reranked(
        model=reranker.name,
        texts=len(texts),
        tokens=tokens,
        seconds=time.perf_counter() - started,
    )
    record_usage(model=reranker.name, tokens=tokens)
    note_use(event="texts.rerank", model=reranker.name, count=len(texts), tokens=tokens)
    return RerankResult(model=reranker.name, ranked=_ranked(scores, top_n), tokens=tokens)


def _score(
    reranker: Reranker, query: str, texts: Sequence[str], *, gone: Gone | None, **options: Any
) -> Scores:
    if gone is not None and not connection.in_atomic_block:
        connection.close()  # a request waits without one: there are more threads than connections
    return reranker.score(query, texts, gone=gone, **options)


def _expected_tokens(reranker: Reranker, query: str, texts: Sequence[str]) -> int:
    """About as many as it will read; a reranker counts none beforehand."""
    return sum(
        min(reranker.max_tokens, (len(query) + len(text)) // CHARS_PER_TOKEN + 1) for text in texts
    )


def _check(query: str, texts: Sequence[str], param: str) -> None:
    """Everything that needs no model, before one is loaded."""
    check_text(query, param="query")
    limit = settings.EMBED.max_batch
    if not texts:
        raise EmptyInput(param=param)
    if len(texts) > limit:
        detail = f"There are {len(texts)} texts; a request may have {limit}. Send it in several."
        raise InvalidRequest(param=param, detail=detail)
    for index, text in enumerate(texts):
        check_text(text, param=f"{param}.{index}")


def _ranked(scores: Scores, top_n: int | None) -> list[Ranked]:
    best = np.argsort(-scores.logits, kind="stable")[:top_n].tolist()
    return [
        Ranked(index=index, score=float(scores.scores[index]), logit=float(scores.logits[index]))
        for index in best
    ]
