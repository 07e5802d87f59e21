"""What a search found, as the playground shows it."""

import html
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from embeddings.admin.document_page import hit_url
from embeddings.constants import SearchPath
from embeddings.models import Collection
from embeddings.types.search import Hit, Include, Plan, SearchParams, SearchResult

AROUND = 300
"""Characters of a text that are shown before and behind the span that was found."""

MOST_OF_A_SPAN = 3_000
NUMBERS_SHOWN = 8

MARKS = re.compile(r"<mark>(.*?)</mark>", re.DOTALL)

PATHS = {
    SearchPath.EXACT: "Compared with every document that the filter lets through.",
    SearchPath.HNSW: "Through the HNSW index; the candidates ordered by full precision.",
    SearchPath.KEYWORD: "By the words of the query, with BM25.",
    SearchPath.HYBRID: "By meaning and by words; the rankings fused.",
}

Pieces = list[tuple[str, bool]]
"""Parts of a text, and whether each is marked."""


@dataclass(slots=True)
class ShownHit:
    """A hit, its rank, and the rank that the other configuration gives it: None where there is no
    other, and 0 where it has no such hit.
    """

    hit: Hit
    rank: int
    url: str
    text: Pieces
    highlights: list[Pieces]
    metadata: str
    vector: str
    other_rank: int | None = None

    @property
    def climbed(self) -> int:
        """By how many ranks it is better here."""
        return (self.other_rank or self.rank) - self.rank

    @property
    def fallen(self) -> int:
        """By how many it is worse."""
        return -self.climbed


@dataclass(slots=True)
class Shown:
    """A result: its groups, of which there is one without a value where nothing is grouped."""

    collection: Collection
    params: SearchParams
    result: SearchResult
    groups: list[tuple[Any, list[ShownHit]]]

    @property
    def hits(self) -> list[ShownHit]:
        """Of all groups, in the order of their ranks."""
        return [hit for _, hits in self.groups for hit in hits]

    @property
    def path(self) -> str:
        """What the plan's path means."""
        return PATHS[self.result.plan.path]

    @property
    def plan(self) -> Iterator[tuple[str, Any]]:
        """Names and values of what the plan tells."""
        return ((name, value) for name, value in _told(self.result.plan) if value is not None)


def _told(plan: Plan) -> Iterable[tuple[str, Any]]:
    weights = plan.weights and ", ".join(f"{key} {of:.3f}" for key, of in plan.weights.items())
    at_least = "at least " if plan.matches_at_least else ""
    return (
        ("path", plan.path.value),
        ("exact", "yes" if plan.exact else "no"),
        ("ef_search", plan.ef_search),
        ("candidates", plan.candidates),
        ("matches", None if plan.matches is None else f"{at_least}{plan.matches}"),
        ("considered", plan.considered),
        ("weights", weights),
    )


def shown(*, collection: Collection, params: SearchParams, result: SearchResult) -> Shown:
    """As the page shows it."""
    groups: list[tuple[Any, list[Hit]]] = [(None, result.hits)]
    if result.groups is not None:
        groups = [(group.value, group.hits) for group in result.groups]
    ranks = count(1)
    include = params.include
    return Shown(
        collection=collection,
        params=params,
        result=result,
        groups=[
            (value, [_shown_hit(hit, next(ranks), collection, include) for hit in hits])
            for value, hits in groups
        ],
    )


def _shown_hit(hit: Hit, rank: int, collection: Collection, include: Include) -> ShownHit:
    metadata = hit.metadata if "metadata" in include else None
    return ShownHit(
        hit=hit,
        rank=rank,
        url=hit_url(collection, hit),
        text=_excerpt(hit, include),
        highlights=[_pieces(each) for each in hit.highlights or ()],
        metadata=json.dumps(metadata, ensure_ascii=False) if metadata else "",
        vector=_vector(hit) if "vector" in include else "",
    )


def _excerpt(hit: Hit, include: Include) -> Pieces:
    """The span that was found, where chunks are asked for, amid what stands around it, where texts
    are. It is marked unless it is all there is.
    """
    text = hit.text or ""
    if "chunk" not in include:
        return [(_cut(text, 0, 2 * AROUND), False)] if "text" in include else []
    is_part = (hit.start, hit.end) != (0, len(text))
    marked = (_cut(text[: hit.end], hit.start, MOST_OF_A_SPAN), is_part)
    if "text" not in include:
        return [marked]
    start = max(0, hit.start - AROUND)
    before = "…" * (start > 0) + text[start : hit.start]
    return [(before, False), marked, (_cut(text, hit.end, AROUND), False)]


def _cut(text: str, start: int, length: int) -> str:
    return text[start : start + length] + "…" * (len(text) > start + length)


def _pieces(highlight: str) -> Pieces:
    """A highlight is HTML of our own making; as a text again, it is escaped as any other."""
    parts = MARKS.split(highlight)
    return [(html.unescape(part), index % 2 == 1) for index, part in enumerate(parts) if part]


def _vector(hit: Hit) -> str:
    if hit.vector is None:
        return ""
    numbers = [f"{number:.4f}" for number in hit.vector[:NUMBERS_SHOWN]]
    return f"[{', '.join(numbers)}{', …' * (len(hit.vector) > NUMBERS_SHOWN)}]"


def compare(one: Shown, other: Shown) -> str:
    """How much they have in common; each hit knows its rank among the other's from now on. Chunks
    are compared where both have chunks for hits, else documents, by their ids.
    """
    by_chunk = one.params.group_by == other.params.group_by == "chunk"
    ranks, others = _ranks(one, by_chunk=by_chunk), _ranks(other, by_chunk=by_chunk)
    for found, theirs in ((one, others), (other, ranks)):
        for hit in found.hits:
            hit.other_rank = theirs.get(_place(hit, by_chunk=by_chunk), 0)
    both = ranks.keys() & others.keys()
    same = sum(ranks[place] == others[place] for place in both)
    return f"{len(both)} in both, {same} of them at the same rank"


def _ranks(found: Shown, *, by_chunk: bool) -> dict[tuple[str, int | None], int]:
    return {_place(hit, by_chunk=by_chunk): hit.rank for hit in reversed(found.hits)}


def _place(shown_hit: ShownHit, *, by_chunk: bool) -> tuple[str, int | None]:
    hit = shown_hit.hit
    return hit.external_id, hit.ordinal if by_chunk else None
