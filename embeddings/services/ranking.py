"""How good a ranking is, by the standard formulas; plain Python."""

import math
from collections.abc import Mapping, Sequence

Judgements = Mapping[str, int]
"""Grades by document id; 0 or absent is not relevant."""


def ndcg(ranked: Sequence[str], judged: Judgements, *, k: int) -> float:
    """Normalised discounted cumulative gain of the first k: gain is the grade itself, discount
    log2(rank + 1), as trec_eval's ndcg_cut and BEIR have it. 0 where nothing is relevant.
    """
    ideal = _dcg(sorted((max(grade, 0) for grade in judged.values()), reverse=True)[:k])
    return _dcg([max(judged.get(key, 0), 0) for key in ranked[:k]]) / ideal if ideal else 0.0


def recall(ranked: Sequence[str], judged: Judgements, *, k: int) -> float:
    """The share of the relevant documents that is among the first k. 0 where nothing is
    relevant.
    """
    relevant = {key for key, grade in judged.items() if grade > 0}
    return len(relevant.intersection(ranked[:k])) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranked: Sequence[str], judged: Judgements) -> float:
    """1 / the rank of the first relevant document; 0 without one. Its mean over queries is MRR."""
    for rank, key in enumerate(ranked, 1):
        if judged.get(key, 0) > 0:
            return 1 / rank
    return 0.0


def _dcg(grades: Sequence[int]) -> float:
    return sum(grade / math.log2(rank + 1) for rank, grade in enumerate(grades, 1))
