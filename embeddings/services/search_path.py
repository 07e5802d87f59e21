"""The way to the nearest documents: exactly, or through the HNSW index, whichever is sooner."""

import time
from dataclasses import replace
from functools import partial
from threading import Lock

import numpy as np
from cachetools import TTLCache
from django.conf import settings
from numpy.typing import NDArray

from accounts.store.batch import Batch
from embeddings.constants import IndexState, IndexStorage, SearchPath
from embeddings.models import Collection
from embeddings.services.search_costs import Prospect
from embeddings.services.search_selectivity import is_found_by_index, share_of
from embeddings.store.search import (
    Alongside,
    Rows,
    Scan,
    Shape,
    Target,
    Wanted,
    nearest_exact,
    nearest_hnsw,
    nothing,
)
from embeddings.types.search import Found, Plan, SearchParams

MAX_CROWDING = 256
_crowding: TTLCache[int, int] = TTLCache(maxsize=10_000, ttl=600)
"""By generation: how many candidates for each hit it took lately, where one was not enough."""
_lock = Lock()


def find_semantic(
    *,
    collection: Collection,
    params: SearchParams,
    vector: NDArray[np.float32],
    depth: int,
    alongside: Alongside,
) -> Found:
    """The `depth` nearest documents, or with `group_by` chunk the nearest chunks, to the float32
    `(dimensions,)` vector, and the path that found them; never fewer than there are.
    """
    started = time.perf_counter()
    alongside = _once(alongside)
    wanted = Wanted(
        target=Target.of(collection.generation),
        vector=vector,
        depth=depth,
        metadata_filter=params.metadata_filter,
        shape=Shape(include=params.include, by_chunk=params.group_by == "chunk"),
    )
    prospect = prospect_of(collection=collection, params=params, depth=depth, alongside=alongside)
    found = _find(wanted, prospect, alongside)
    took_ms = round((time.perf_counter() - started) * 1000, 3)
    return replace(found, plan=replace(found.plan, took_ms=took_ms))


def prospect_of(
    *, collection: Collection, params: SearchParams, depth: int, alongside: Alongside = nothing
) -> Prospect:
    """What a search has before it. Where little is known of the filter, a sample is taken: that
    round trip takes less than planning an exact search, of which it saves every other one.
    """
    generation, metadata_filter = collection.generation, params.metadata_filter
    prospect = Prospect(
        depth=depth,
        documents=collection.document_count,
        has_index=generation.index_state == IndexState.READY and not params.exact,
        storage=IndexStorage(generation.storage),
        crowding=1 if params.group_by == "chunk" else _crowding.get(generation.pk, 1),
        ef_search=params.ef_search,
        usual_ef_search=settings.EMBED.ef_search,
        max_candidates=params.max_candidates,
    )
    if metadata_filter is None:
        return prospect
    target = Target.of(generation)
    return replace(
        prospect,
        filtered=True,
        share=share_of(target=target, metadata_filter=metadata_filter, alongside=alongside),
        found_by_index=is_found_by_index(collection=collection, metadata_filter=metadata_filter),
    )


def _once(alongside: Alongside) -> Alongside:
    pending = [alongside]

    def queue(batch: Batch) -> None:
        if pending:
            pending.pop()(batch)

    return queue


def _find(wanted: Wanted, prospect: Prospect, alongside: Alongside) -> Found:
    scan = prospect.scan()
    if scan is None:
        bound = prospect.bound
        rows = _exactly(wanted, prospect, alongside, bound=bound)
        if bound is None or rows.matches is None or rows.matches <= bound:
            return _exact(rows)
        # There are more matches than the sample let expect.
        prospect = replace(prospect, share=bound / prospect.documents)
        scan = prospect.scan()
    while scan is not None:
        rows = nearest_hnsw(wanted=wanted, scan=scan, alongside=alongside)
        thin = prospect.is_thin(scan, rows.candidates)
        if len(rows.hits) == wanted.depth and not thin:
            return _approximate(rows, scan, filtered=prospect.filtered)
        if rows.candidates >= wanted.depth and not thin:
            prospect = _more_crowded(wanted, prospect)
        elif prospect.filtered:
            prospect = prospect.further(scan, rows.candidates)
        else:
            break  # the index gives no more
        scan = prospect.scan()
    return _exact(_exactly(wanted, prospect, alongside, bound=None))


def _exactly(
    wanted: Wanted, prospect: Prospect, alongside: Alongside, *, bound: int | None
) -> Rows:
    nearest = partial(
        nearest_exact,
        wanted=wanted,
        read_all=prospect.reads_all,
        max_matches=bound,
        alongside=alongside,
    )
    candidates = wanted.depth * prospect.crowding
    rows = nearest(candidates=candidates)
    if len(rows.hits) == wanted.depth or rows.candidates < candidates:
        return rows
    _more_crowded(wanted, prospect)
    return nearest(candidates=None)


def _more_crowded(wanted: Wanted, prospect: Prospect) -> Prospect:
    """Candidates were enough, but of too few documents: later searches look at more at once."""
    crowding = min(4 * prospect.crowding, MAX_CROWDING)
    with _lock:
        _crowding[wanted.target.generation_id] = crowding
    return replace(prospect, crowding=crowding, has_index=crowding > prospect.crowding)


def _exact(rows: Rows) -> Found:
    plan = Plan(path=SearchPath.EXACT, exact=True, matches=rows.matches)
    return Found(hits=rows.hits, plan=plan)


def _approximate(rows: Rows, scan: Scan, *, filtered: bool) -> Found:
    plan = Plan(
        path=SearchPath.HNSW,
        exact=False,
        ef_search=scan.ef_search,
        candidates=rows.candidates,
        matches=rows.candidates if filtered else None,
        matches_at_least=filtered,
    )
    return Found(hits=rows.hits, plan=plan)
