"""The documents that are best by meaning and by words together.

Without weights each ranking counts by how decisive it is for this very query: how far its best
document stands out from its twentieth. Where many documents match the words as well as the best one
does, words say little; where one has all the rare words, they say much. The same of meaning. And
words count for more where the model knows those of the query badly, as in a language that it was
not made for. With weights it is reciprocal rank fusion.

nDCG@10 with MiniLM (meaning alone, words alone, both by rank, both so): SciFact 0.660, 0.695,
0.717, 0.728; Cranfield 0.374, 0.359, 0.407, 0.402; CoSQA 0.603, 0.366, 0.515, 0.600. XQuAD in
English, German and Spanish (meaning, words, both so): 0.936, 0.970, 0.978; 0.721, 0.938, 0.946;
0.662, 0.964, 0.966.
"""

import statistics
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from embeddings.constants import SearchPath
from embeddings.models import Collection
from embeddings.services.keyword_search import Ranking, rank_by_words
from embeddings.services.row_filter import within_view
from embeddings.services.search_path import find_semantic
from embeddings.services.word_splits import split_fineness
from embeddings.store.hits import score
from embeddings.store.keyword_hits import nearest_chunks, read_hits, sample_distances
from embeddings.store.keyword_search import scores_of
from embeddings.store.search import Alongside, nothing
from embeddings.store.search_sql import Target
from embeddings.types.keyword_query import meant_text
from embeddings.types.search import Found, Plan, SearchParams, Weights

POOL = 100
"""So many of the best of each ranking are put together, at least."""

RANK_CONSTANT = 60
"""Of reciprocal rank fusion, as Cormack, Clarke and Büttcher have it (SIGIR 2009)."""

DECISIVE_PLACE = 20
"""The place whose lead the first one's is."""

WORDS_SHARE = 0.045
"""What a lead in BM25 counts beside one in standard deviations of the query's similarities, both
squared. From 0.04 to 0.05 no English set falls more than 0.006 behind its better ranking."""

FINENESS_POWER = 4
"""By which words count for more where the model splits those of the query finely. Without, German
is 0.040 behind words alone; with 3 to 6 it is at most 0.008, and English stays as it is."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Documents with what both rankings say of each: similarities as the metric scores them, whose
    standard deviation is `spread`, and BM25. `ordinals` has their nearest chunks.
    """

    similarities: Mapping[uuid.UUID, float]
    matches: Mapping[uuid.UUID, float]
    ordinals: Mapping[uuid.UUID, int]
    spread: float


def find_hybrid(
    *,
    collection: Collection,
    params: SearchParams,
    vector: NDArray[np.float32],
    depth: int,
    alongside: Alongside,
) -> Found:
    """The `depth` best documents by the float32 `(dimensions,)` vector and the words of the query;
    what its phrases and exclusions rule out is not among them. Raises InvalidRequest.
    """
    size = max(depth, POOL)
    words = rank_by_words(collection=collection, params=params, depth=size, alongside=alongside)
    semantic = replace(params, include=frozenset(), group_by="document")
    while True:
        near = find_semantic(
            collection=collection, params=semantic, vector=vector, depth=size, alongside=nothing
        )
        pool = _pooled(collection, vector, near, words)
        complete = words.query.required or len(near.hits) < size
        if complete or len(pool.similarities) >= depth:
            break
        size *= 4  # too many were excluded
    if params.weights:
        scores, weights = _by_rank(pool, params.weights)
    else:
        text = meant_text(params.query or "")
        fineness = split_fineness(generation=collection.generation, text=text)
        scores, weights = _by_leads(pool, fineness)
    best = sorted(scores, key=lambda pk: (-scores[pk], pk))[:depth]
    hits = read_hits(
        target=Target.of(collection.generation),
        scores={pk: scores[pk] for pk in best},
        ordinals=pool.ordinals,
        include=params.include,
        words=words.words(collection),
        metadata_filter=params.metadata_filter,
    )
    hits = [
        replace(
            hit,
            scores={
                "semantic": pool.similarities[hit.document_id],
                "keyword": pool.matches[hit.document_id],
            },
        )
        for hit in hits
    ]
    plan = Plan(
        path=SearchPath.HYBRID,
        exact=near.plan.exact and words.exact,
        ef_search=near.plan.ef_search,
        candidates=len(scores),
        weights={"semantic": weights.semantic, "keyword": weights.keyword},
    )
    return Found(hits=hits, plan=plan)


def _pooled(
    collection: Collection, vector: NDArray[np.float32], near: Found, words: Ranking
) -> Pool:
    """Both rankings' documents, each with what the other one says of it."""
    target = Target.of(collection.generation)
    distances = {hit.document_id: (hit.ordinal, hit.distance or 0.0) for hit in near.hits}
    matches = dict(words.scores)
    if missing := [pk for pk in distances if pk not in matches]:
        matches |= scores_of(
            collection_id=collection.pk,
            ids=missing,
            weights=words.weights,
            required=words.query.required,
            excluded=words.query.excluded,
            phrases=words.query.phrases,
        )
    if missing := [pk for pk in matches if pk not in distances]:
        distances |= nearest_chunks(target=target, ids=missing, vector=vector)
    both = matches.keys() & distances.keys()
    return Pool(
        similarities={pk: score(metric=target.metric, distance=distances[pk][1]) for pk in both},
        matches={pk: matches[pk] for pk in both},
        ordinals={pk: distances[pk][0] for pk in both},
        spread=_spread(collection, vector),
    )


def _spread(collection: Collection, vector: NDArray[np.float32]) -> float:
    """The standard deviation of the query's similarities to the documents that the caller sees."""
    target, view = Target.of(collection.generation), within_view(collection=collection)
    sample = sample_distances(target=target, vector=vector, metadata_filter=view)
    similarities = [score(metric=target.metric, distance=distance) for distance in sample]
    return statistics.pstdev(similarities) if len(set(similarities)) > 1 else 1.0


def _by_leads(pool: Pool, fineness: float) -> tuple[dict[uuid.UUID, float], Weights]:
    """Scores up to 1 and how much each ranking counted."""
    near, near_lead = leads(pool.similarities)
    match, match_lead = leads(pool.matches)
    by_meaning = (near_lead / pool.spread) ** 2
    by_words = WORDS_SHARE * fineness**FINENESS_POWER * match_lead**2
    share = by_words / (by_meaning + by_words) if by_words else 0.0
    # Whether its words match worse than the twentieth's is nothing against a document.
    scores = {pk: (1 - share) * near[pk] + share * max(match[pk], 0.0) for pk in near}
    return scores, Weights(semantic=1 - share, keyword=share)


def leads(values: Mapping[uuid.UUID, float]) -> tuple[dict[uuid.UUID, float], float]:
    """How far each value is above the one in DECISIVE_PLACE, as a share of how far the best one is;
    and that lead itself.
    """
    best = sorted(values.values(), reverse=True)
    if not best:
        return {}, 0.0
    floor = best[min(DECISIVE_PLACE, len(best)) - 1]
    lead = best[0] - floor
    return {pk: (value - floor) / lead if lead else 0.0 for pk, value in values.items()}, lead


def _by_rank(pool: Pool, wished: Weights) -> tuple[dict[uuid.UUID, float], Weights]:
    """The same by reciprocal rank fusion."""
    # As fractions, for a sum of floats may be infinite.
    semantic, keyword = Fraction(wished.semantic), Fraction(wished.keyword)
    total = semantic + keyword
    weights = Weights(float(semantic / total), float(keyword / total))
    near = ranks([*pool.similarities], pool.similarities)
    match = ranks([pk for pk, value in pool.matches.items() if value > 0], pool.matches)
    scores = {
        pk: weights.semantic * near.get(pk, 0.0) + weights.keyword * match.get(pk, 0.0)
        for pk in pool.similarities
    }
    return scores, weights


def ranks(ids: Sequence[uuid.UUID], values: Mapping[uuid.UUID, float]) -> dict[uuid.UUID, float]:
    """What each place is worth in reciprocal rank fusion: 1 for the first one."""
    ordered = sorted(ids, key=lambda pk: (-values[pk], pk))
    return {
        pk: (RANK_CONSTANT + 1) / (RANK_CONSTANT + place) for place, pk in enumerate(ordered, 1)
    }
