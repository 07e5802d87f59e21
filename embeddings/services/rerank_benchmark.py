"""Whether a reranker puts the hits of a search into a better order, and what that costs."""

import time
from collections.abc import Sequence
from itertools import islice
from statistics import fmean, median
from typing import Any

from accounts.principal import Principal
from embeddings.models import Collection
from embeddings.readers.beir import BeirFolder
from embeddings.services.quality import Step, passing_collection
from embeddings.services.ranking import ndcg
from embeddings.services.rerank import rerank_texts
from embeddings.services.search import search_collection
from embeddings.types.search import Hit, SearchParams

DEPTHS = (20, 50, 100)
CUT = 10


def measure_rerank(
    *,
    folder: BeirFolder,
    principal: Principal,
    model: str,
    reranker: str | None = None,
    depths: Sequence[int] = DEPTHS,
    limit: int | None = None,
    step: Step = lambda *_: None,
) -> dict[str, Any]:
    """nDCG@10 of the first `limit` queries: as the search by `model` ranks, and with its first hits
    reranked, for each of `depths`; the median time of reranking as many hits as the deepest.

    Raises Problem for a model that the service refuses.
    """
    queries = dict(islice(folder.queries.items(), limit))
    found: dict[str, list[float]] = {str(depth): [] for depth in (0, *depths)}
    seconds: list[float] = []
    with passing_collection(
        folder=folder, principal=principal, model=model, step=step
    ) as collection:
        for key, query in queries.items():
            hits = _hits(collection, query, top_k=max(depths))
            started = time.perf_counter()
            scores = _scores(query, hits, reranker)
            seconds.append(time.perf_counter() - started)
            for depth in (0, *depths):
                ranked = _reranked(hits, scores, depth)
                found[str(depth)].append(ndcg(ranked, folder.judged[key], k=CUT))
            step("queries", 1)
    before, *after = (fmean(each) for each in found.values())
    return {
        "queries": len(queries),
        f"nDCG@{CUT}": before,
        f"nDCG@{CUT} of the first hits reranked": dict(zip(map(str, depths), after, strict=True)),
        "milliseconds": median(seconds) * 1000,
    }


def _hits(collection: Collection, query: str, *, top_k: int) -> list[Hit]:
    params = SearchParams(query=query, top_k=top_k, include=frozenset({"text"}))
    return search_collection(collection=collection, params=params).hits


def _scores(query: str, hits: Sequence[Hit], reranker: str | None) -> list[float]:
    """What the reranker says of each hit."""
    texts = [hit.text or "" for hit in hits]
    result = rerank_texts(query=query, texts=texts, model=reranker)
    return [row.logit for row in sorted(result.ranked, key=lambda row: row.index)]


def _reranked(hits: Sequence[Hit], scores: Sequence[float], depth: int) -> list[str]:
    """The hits' ids, the first `depth` of them by their scores."""
    first = sorted(range(len(hits))[:depth], key=lambda index: -scores[index])
    return [hits[index].external_id for index in [*first, *range(len(hits))[depth:]]]
