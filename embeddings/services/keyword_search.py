"""The documents that match a query's words best, by BM25.

Words that most documents have find too many candidates, and decide little. So the candidates are
first those of the rare words, ranked by all words; then the common words are left out as long as
all of them together could not lift another document among the best. The answer is the exact one,
but for a query of so common words that there are more candidates than a search may have.
"""

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from embeddings.constants import SearchPath
from embeddings.models import Collection
from embeddings.services.row_filter import within_view
from embeddings.store.keyword import K1
from embeddings.store.keyword_hits import Words, covering_chunks, read_hits
from embeddings.store.keyword_search import (
    ReadQuery,
    Term,
    best_matches,
    matching,
    read_query,
)
from embeddings.store.search import Alongside
from embeddings.store.search_sql import Target
from embeddings.types.keyword_query import parse_keyword_query
from embeddings.types.search import Found, Plan, SearchParams

MAX_TERMS = 64
"""So many of a query's words rank, those that say most."""

FIRST_CANDIDATES = 4_000
"""So many at first, if a query's rarest words have so many."""

MAX_CANDIDATES = 100_000
"""So many at most, unless the search is to be exact: about 0.1 s. Words beyond the rarest that have
so many only rank."""

MAX_WEIGHED = 16 * MAX_CANDIDATES
"""Candidates times words: those of a long query are weighed as long as those of a short one."""

ANY_NUMBER = 2**62


@dataclass(frozen=True, slots=True)
class Worth:
    """A word of the query that ranks; `weight` is its rarity times how often the query has it."""

    term: Term
    weight: float

    @property
    def most(self) -> float:
        """What it can add to a document's score at most."""
        return self.weight * (K1 + 1)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Scores by document id, best first, of which query, from how many candidates, and whether
    another document might have been among them.
    """

    query: ReadQuery
    worths: list[Worth]
    scores: dict[uuid.UUID, float]
    candidates: int
    exact: bool

    @property
    def weights(self) -> dict[int, float]:
        """Of the words, by dimension."""
        return _weights(self.worths)

    def words(self, collection: Collection) -> Words:
        """What the words are worth, by lexeme."""
        worth = {worth.term.lexeme: worth.weight for worth in self.worths}
        return Words(language=collection.language, worth=worth)


def find_keyword(
    *, collection: Collection, params: SearchParams, depth: int, alongside: Alongside
) -> Found:
    """The `depth` documents that match the words of the query best, each with the chunk that has
    the most of them. Without a word that says anything there are none. Raises InvalidRequest.
    """
    ranking = rank_by_words(collection=collection, params=params, depth=depth, alongside=alongside)
    plan = Plan(path=SearchPath.KEYWORD, exact=ranking.exact, candidates=ranking.candidates)
    if not ranking.scores:
        return Found(hits=[], plan=plan)
    target, words = Target.of(collection.generation), ranking.words(collection)
    ordinals = covering_chunks(target=target, ids=list(ranking.scores), words=words)
    hits = read_hits(
        target=target,
        scores=ranking.scores,
        ordinals=ordinals,
        include=params.include,
        words=words,
        metadata_filter=params.metadata_filter,
    )
    return Found(hits=hits, plan=plan)


def rank_by_words(
    *, collection: Collection, params: SearchParams, depth: int, alongside: Alongside
) -> Ranking:
    """The `depth` documents that match the words of the query best. Raises InvalidRequest."""
    query = read_query(
        collection_id=collection.pk,
        documents=collection.document_count,
        language=collection.language,
        query=parse_keyword_query(params.query or ""),
        view=within_view(collection=collection),
        alongside=alongside,
    )
    worths = _worths(query.terms, documents=query.documents)
    ranking = Ranking(query=query, worths=worths, scores={}, candidates=0, exact=True)
    if not worths:
        return ranking
    bound = ANY_NUMBER if params.exact else min(MAX_CANDIDATES, MAX_WEIGHED // len(worths))
    if query.required:
        return _ranked(ranking, worths, collection, params, depth, bound)
    first, most = (_within(worths, min(limit, bound)) for limit in (FIRST_CANDIDATES, bound))
    ranking = _ranked(ranking, worths[:first], collection, params, depth, bound)
    floor = list(ranking.scores.values())[-1] if len(ranking.scores) == depth else 0.0
    needed = _needed(worths, floor)
    if first < min(needed, most):
        ranking = _ranked(ranking, worths[: min(needed, most)], collection, params, depth, bound)
    return replace(ranking, exact=ranking.exact and needed <= most)


def _ranked(
    ranking: Ranking,
    leading: Sequence[Worth],
    collection: Collection,
    params: SearchParams,
    depth: int,
    bound: int,
) -> Ranking:
    """Ranked by all words, from the documents that have one of the leading ones."""
    query = ranking.query
    scores, candidates = best_matches(
        collection_id=collection.pk,
        matching=matching(
            lexemes=[worth.term.lexeme for worth in leading],
            required=query.required,
            excluded=query.excluded,
        ),
        phrases=query.phrases,
        weights=ranking.weights,
        metadata_filter=params.metadata_filter,
        bound=bound,
        depth=depth,
    )
    return Ranking(query, ranking.worths, scores, candidates, exact=candidates < bound)


def _worths(terms: Sequence[Term], *, documents: int) -> list[Worth]:
    """The words that some document has, the rarest first."""
    worths = [
        Worth(term, term.count * rarity(term.documents, of=documents))
        for term in terms
        if term.documents
    ]
    worths.sort(key=lambda worth: -worth.weight)
    return sorted(worths[:MAX_TERMS], key=lambda worth: (worth.term.documents, worth.term.lexeme))


def rarity(documents: int, *, of: int) -> float:
    """BM25's inverse document frequency, in the form that is never negative."""
    return math.log(1 + (max(of, documents) - documents + 0.5) / (documents + 0.5))


def _within(worths: Sequence[Worth], limit: int) -> int:
    """How many of the rarest words have about so many documents; one at least."""
    total = 0
    for count, worth in enumerate(worths):
        total += worth.term.documents
        if total > limit:
            return max(count, 1)
    return len(worths)


def _needed(worths: Sequence[Worth], floor: float) -> int:
    """How many of the rarest words find every document whose score is at least the floor: all the
    others together add less.
    """
    left = 0.0
    for count in range(len(worths), 0, -1):
        left += worths[count - 1].most
        if left >= floor:
            return count
    return 0


def _weights(worths: Sequence[Worth]) -> dict[int, float]:
    weights: dict[int, float] = {}
    for worth in worths:
        dimension = worth.term.dimension
        weights[dimension] = weights.get(dimension, 0.0) + worth.weight
    return weights
