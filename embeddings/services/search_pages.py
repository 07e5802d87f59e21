"""A search's results page by page, stable under writes: no hit comes twice, and none is left out
that was there throughout.

In the exact order a page begins behind the last hit's key. Where that order is not known, as with
an approximate or a keyword search, the cursor says which hits were shown: the next page has the
best of the others, by exact search where there is one.
"""

from embeddings.constants import SearchMode, SearchPath
from embeddings.services.search_candidates import Asked, Candidates, candidates, merged
from embeddings.services.search_cursor import Position, tag, write_cursor
from embeddings.store.search import Alongside, Target, nothing
from embeddings.store.search_pages import Key, nearest_after
from embeddings.types.search import Found, Hit, Plan, SearchResult

MAX_RANKED = 10_000
"""How deep the pages of a ranking without keys reach; its cursor is 160 kB long by then."""


def first_page(*, asked: Asked, alongside: Alongside = nothing) -> SearchResult:
    """The best hits, and the cursor of the next page unless there can be none."""
    params = asked.params
    found = candidates(asked=asked, depth=params.top_k, alongside=alongside)
    following = None
    if len(found.hits) == params.top_k and not _all_seen(asked, found.plan):
        exact = params.mode == SearchMode.SEMANTIC and found.plan.exact
        following = _behind_key(found.hits) if exact else _behind_shown(asked, found.hits)
    return _page(asked, found, found.hits, following)


def next_page(*, asked: Asked, position: Position) -> SearchResult:
    """The page behind the position."""
    if asked.params.mode == SearchMode.SEMANTIC:
        return _exact_page(asked, position)
    return _ranked_page(asked, position)


def at_least(hits: list[Hit], min_score: float | None) -> list[Hit]:
    """The hits with this score or a higher one."""
    return hits if min_score is None else [hit for hit in hits if hit.score >= min_score]


def _all_seen(asked: Asked, plan: Plan) -> bool:
    """Whether a full first page is known to be the last."""
    unfiltered = all(view is None for view in asked.views.values())
    if unfiltered and asked.params.group_by == "document":
        return sum(each.document_count for each in asked.collections) <= asked.params.top_k
    return plan.matches == asked.params.top_k and not plan.matches_at_least


def _exact_page(asked: Asked, position: Position) -> SearchResult:
    """One hit more than the page has is asked for: it says whether there is another page."""
    top_k, by_chunk = asked.params.top_k, asked.params.group_by == "chunk"
    limit = top_k + 1 + len(position.shown) + len(asked.excluded)
    found = {
        collection.name: Found(
            hits=nearest_after(
                target=Target.of(collection.generation),
                vector=asked.query_vector,
                after=position.after,
                limit=limit,
                metadata_filter=asked.views[collection.pk],
                by_chunk=by_chunk,
                include=asked.params.include,
            ),
            plan=Plan(path=SearchPath.EXACT, exact=True),
        )
        for collection in asked.collections
    }
    ranked = merged(asked=asked, found=found, depth=limit)
    tags = [tag(hit, by_chunk=by_chunk) for hit in ranked.hits]
    new = [at for at, each in enumerate(tags) if each not in position.shown]
    page = [ranked.hits[at] for at in new[:top_k]]
    if len(new) <= top_k:
        return _page(asked, ranked, page, None)
    passed = tags[: new[top_k - 1]]
    following = Position(after=_key(page[-1]), shown=position.shown.difference(passed))
    return _page(asked, ranked, page, following)


def _ranked_page(asked: Asked, position: Position) -> SearchResult:
    top_k, by_chunk = asked.params.top_k, asked.params.group_by == "chunk"
    depth = min(len(position.shown) + top_k + 1, MAX_RANKED)
    ranked = candidates(asked=asked, depth=depth)
    new = [hit for hit in ranked.hits if tag(hit, by_chunk=by_chunk) not in position.shown]
    if len(new) <= top_k:
        return _page(asked, ranked, new, None)
    page = new[:top_k]
    return _page(asked, ranked, page, _behind_shown(asked, page, position.shown))


def _page(
    asked: Asked, ranked: Candidates, hits: list[Hit], following: Position | None
) -> SearchResult:
    shown = at_least(hits, asked.params.min_score)
    if following is not None and len(shown) == len(hits):
        cursor = write_cursor(asked=asked, position=following)
    else:
        cursor = None
    return SearchResult(hits=shown, plan=ranked.plan, plans=ranked.plans, next_cursor=cursor)


def _behind_key(hits: list[Hit]) -> Position:
    return Position(after=_key(hits[-1]))


def _behind_shown(
    asked: Asked, hits: list[Hit], before: frozenset[bytes] = frozenset()
) -> Position:
    by_chunk = asked.params.group_by == "chunk"
    return Position(after=None, shown=before.union(tag(hit, by_chunk=by_chunk) for hit in hits))


def _key(hit: Hit) -> Key:
    return hit.distance or 0.0, hit.document_id, hit.ordinal
