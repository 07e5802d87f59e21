"""The best hits judged again by a reranker, and chosen so that they differ."""

import uuid
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from accounts.exceptions import within
from embeddings.constants import SearchMode
from embeddings.services.diversity import cosines, most_diverse, scaled
from embeddings.services.engine import get_reranker
from embeddings.services.rerank import rerank_texts
from embeddings.services.search_candidates import Asked, candidates
from embeddings.services.search_pages import at_least
from embeddings.store.chunks import chunk_vectors
from embeddings.store.search import Alongside, nothing
from embeddings.types.search import Hit, SearchResult

RERANKED = 50
"""How many of the best hits are judged unless the request says; of more, few become better, and
each costs a model's time.
"""

CHOICE = 5
MIN_CHOICE = 50
MAX_CHOICE = 1_000
"""Of how many times `top_k` candidates, within these bounds, the different ones are chosen."""


def refine(
    *, asked: Asked, alongside: Alongside = nothing, gone: Callable[[], bool] | None = None
) -> SearchResult:
    """The best hits of a deeper list: reranked, not under `min_score`, and different from each
    other, as far as the parameters ask for each. `tokens` are the reranker's. Raises what
    rerank_texts does.
    """
    params = asked.params
    if params.rerank is not None:
        with within("rerank"):
            get_reranker(params.rerank.model)
    deeper = asked if params.rerank is None else asked.with_included("text")
    found = candidates(asked=deeper, depth=_depth(asked), alongside=alongside)
    hits, tokens = found.hits, 0
    if params.rerank is not None and hits:
        hits, tokens = _reranked(asked, hits, params.rerank.model, gone)
    hits = at_least(hits, params.min_score)
    if params.diversity and hits:
        hits = _different(asked, hits)
    return SearchResult(
        hits=hits[: params.top_k],
        plan=replace(found.plan, considered=len(found.hits)),
        plans=found.plans,
        tokens=tokens,
        rerank_tokens=tokens,
    )


def _depth(asked: Asked) -> int:
    params, depth = asked.params, asked.params.top_k
    if params.diversity:
        depth = max(depth, MIN_CHOICE, min(CHOICE * depth, MAX_CHOICE))
    if params.rerank is not None:
        depth = params.rerank.top_n or max(depth, RERANKED)
    return depth


def _reranked(
    asked: Asked, hits: list[Hit], model: str | None, gone: Callable[[], bool] | None
) -> tuple[list[Hit], int]:
    result = rerank_texts(
        query=asked.params.query or "",
        texts=[(hit.text or "")[hit.start : hit.end] for hit in hits],
        model=model,
        gone=gone,
        param="rerank",
    )
    judged = [_judged(hits[row.index], row.score, asked.params.mode) for row in result.ranked]
    return judged, result.tokens


def _judged(hit: Hit, score: float, mode: SearchMode) -> Hit:
    scores = {**(hit.scores or {}), mode.value: hit.score, "rerank": score}
    return replace(hit, score=score, scores=scores)


def _different(asked: Asked, hits: list[Hit]) -> list[Hit]:
    params = asked.params
    hits, vectors = _with_vectors(asked, hits)
    if not hits:
        return []
    if params.mode == SearchMode.SEMANTIC and params.rerank is None:
        relevance = cosines(asked.query_vector, vectors)
    else:
        relevance = scaled(np.array([hit.score for hit in hits], dtype=np.float32))
    chosen = most_diverse(
        relevance=relevance,
        vectors=vectors,
        diversity=params.diversity or 0.0,
        count=params.top_k,
    )
    return [hits[at] for at in chosen]


def _with_vectors(asked: Asked, hits: list[Hit]) -> tuple[list[Hit], NDArray[np.float32]]:
    """Those hits that are still stored, and the vectors of their chunks, `(n, dimensions)`."""
    vectors: dict[tuple[uuid.UUID, int], NDArray[np.float32]] = {}
    for collection in asked.collections:
        here = [hit for hit in hits if hit.collection in (None, collection.name)]
        vectors |= chunk_vectors(
            generation_id=collection.generation.pk,
            document_ids=[hit.document_id for hit in here],
            ordinals=[hit.ordinal for hit in here],
        )
    stored = [hit for hit in hits if (hit.document_id, hit.ordinal) in vectors]
    return stored, np.array([vectors[hit.document_id, hit.ordinal] for hit in stored])
