"""Nearest documents to a text, a vector or another document."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter

from cachetools import TTLCache

from accounts.policy import Action
from accounts.principal import Principal
from accounts.store.batch import Batch
from embeddings import telemetry
from embeddings.exceptions import CallerGone, EngineUnavailable
from embeddings.models import Collection, Generation
from embeddings.services.audit_reads import note_search
from embeddings.services.collection_lookup import (
    QueuedCollection,
    look_up_collection,
    queue_collection,
)
from embeddings.services.facets import count_facets
from embeddings.services.frequent_queries import record_query
from embeddings.services.redaction import redact_query
from embeddings.services.row_filter import same_view
from embeddings.services.search_cache import Place, recall, remember
from embeddings.services.search_groups import grouped
from embeddings.services.search_pages import first_page, next_page
from embeddings.services.search_query import Query, QueryVector, prepare_query
from embeddings.services.search_rerank import refine
from embeddings.services.usage import record_search
from embeddings.store.search import Alongside, nothing, send_alone
from embeddings.types.search import FieldGroups, SearchParams, SearchResult

Gone = Callable[[], bool]

_fields_of = attrgetter(*(field.attname for field in Generation._meta.concrete_fields))


@dataclass(frozen=True, slots=True)
class Seen:
    """A collection and the row that it was read from."""

    collection: Collection
    row: list[bytes | None] | None


_seen: TTLCache[tuple[Principal, str], Seen] = TTLCache(maxsize=10_000, ttl=60)
_seen_lock = threading.Lock()


def search_visible(
    *,
    principal: Principal,
    name: str,
    params: SearchParams,
    fresh: bool = False,
    gone: Gone | None = None,
) -> SearchResult:
    """As search_collection, of the collection that visible_collection returns; raises what both
    raise. What the principal has searched for lately is remembered, unless it wants a `fresh`
    answer; the collection is looked up in either case. A reranker stops once `gone()` says so.
    """
    collection, result = _search_visible(principal, name, params, fresh=fresh, gone=gone)
    record_search(collections=[collection], result=result)
    note_search(collections=[collection], mode=params.mode, hits=len(result.hits))
    query = redact_query(collections=(collection,), params=params).query
    if query is not None:
        record_query(collection_id=collection.pk, owner_id=principal.user_id, text=query)
    return result


def _search_visible(
    principal: Principal, name: str, params: SearchParams, *, fresh: bool, gone: Gone | None
) -> tuple[Collection, SearchResult]:
    """With the collection, as it was looked up.

    A round trip is a third of the time of a search, so the look-up travels with the search of the
    collection as it was when last looked up. Where it has changed since, the search was in vain
    and is done again.
    """
    started = time.perf_counter()
    place = partial(Place, params=params, principal=principal, passed_by=fresh)
    with _seen_lock:
        seen = _seen.get((principal, name))
    known = None
    if seen:
        before = place(seen.collection)
        known = recall(before)
        if known is None:
            answer = _search_as_seen(before, seen, gone)
            if answer is not None:
                return answer
    lookup = look_up_collection(principal=principal, name=name, action=Action.SEARCH)
    collection = _look_at(lookup, seen)
    if known is None or not seen or not _unchanged(seen.collection, collection, settled=False):
        known = recall(place(collection))
    if known is not None:
        told = _told((collection,), params, known, started, known.tokens, known.cached_tokens)
        return collection, told
    result = search_collection(
        collection=collection, params=params, owner_id=principal.user_id, gone=gone
    )
    remember(place(collection), result)
    return collection, result


def _look_at(queued: QueuedCollection, seen: Seen | None) -> Collection:
    """The collection as it is now, which most often is as it was seen: then nothing is read anew.
    Raises what visible_collection does.
    """
    row = queued.found.row_as_sent()
    if seen and row is not None and row == seen.row:
        return seen.collection
    collection = queued.collection()
    with _seen_lock:
        _seen[queued.principal, queued.name] = Seen(collection, row)
    return collection


def _search_as_seen(
    place: Place, before: Seen, gone: Gone | None
) -> tuple[Collection, SearchResult] | None:
    """None where the collection is no longer what it was; nothing of the search is told then."""
    queued: list[QueuedCollection] = []
    seen, principal, params = before.collection, place.principal, place.params

    def look_up(batch: Batch) -> None:
        queued.append(
            queue_collection(batch, principal=principal, name=seen.name, action=Action.SEARCH)
        )

    try:
        result = search_collection(
            collection=seen,
            params=params,
            owner_id=principal.user_id,
            alongside=look_up,
            gone=gone,
        )
        now = _look_at(queued[0], before)
    except (EngineUnavailable, CallerGone):
        raise  # whatever the collection is now
    except Exception:  # noqa: BLE001 - what is wrong with the request shows again without haste
        return None
    # Fewer hits than asked for may be all there were, or all there were then.
    if not _unchanged(seen, now, settled=len(result.hits) == params.top_k):
        return None
    remember(place if now.version == seen.version else replace(place, collection=now), result)
    return now, result


def _unchanged(seen: Collection, now: Collection, *, settled: bool) -> bool:
    """Whether a search of the one was a search of the other."""
    if seen is now:
        return True
    if not settled and seen.version != now.version:
        return False
    if seen.metadata_schema != now.metadata_schema:  # by which filters compare
        return False
    if seen.redaction != now.redaction:  # of queries, too
        return False
    if not same_view(seen, now):
        return False
    return seen.pk == now.pk and bool(_fields_of(seen.generation) == _fields_of(now.generation))


def search_collection(
    *,
    collection: Collection,
    params: SearchParams,
    owner_id: int | None = None,
    alongside: Alongside = nothing,
    gone: Gone | None = None,
) -> SearchResult:
    """As search_collections, of one collection."""
    return search_collections(
        collections=(collection,),
        params=params,
        owner_id=owner_id,
        alongside=alongside,
        gone=gone,
    )


def search_collections(
    *,
    collections: tuple[Collection, ...],
    params: SearchParams,
    owner_id: int | None = None,
    embedded: QueryVector | None = None,
    named: bool = False,
    alongside: Alongside = nothing,
    gone: Gone | None = None,
) -> SearchResult:
    """The hits, best first, or their groups, and the path that found them; never fewer than there
    are. The collections share model and metric. `owner_id` is whose cached query vectors may serve,
    unless the query is `embedded` already; without one the cache is passed by. With `named` each
    hit names its collection.

    Raises what prepare_query and rerank_texts do.
    """
    started = time.perf_counter()
    query = prepare_query(
        collections=collections,
        params=params,
        owner_id=owner_id,
        embedded=embedded,
        named=named,
    )
    result = _found(query, alongside, gone)
    if any(each.row_filter is not None for each in collections):
        result = _without_sizes(result, params)
    tokens = query.tokens + result.tokens
    return _told(collections, params, result, started, tokens, query.cached_tokens)


def _found(query: Query, alongside: Alongside, gone: Gone | None) -> SearchResult:
    asked, params = query.asked, query.asked.params
    if query.position is not None:
        send_alone(alongside)
        result = next_page(asked=asked, position=query.position)
    elif isinstance(params.group_by, FieldGroups):
        result = grouped(asked=asked, group_by=params.group_by, alongside=alongside)
    elif params.rerank is not None or params.diversity:
        result = refine(asked=asked, alongside=alongside, gone=gone)
    else:
        result = first_page(asked=asked, alongside=alongside)
    if params.facets:
        result = replace(result, facets=count_facets(asked=asked))
    return result


def _without_sizes(result: SearchResult, params: SearchParams) -> SearchResult:
    """How deep the index was searched tells how much there is that the caller doesn't see."""
    plans = result.plans and {
        name: replace(plan, ef_search=params.ef_search) for name, plan in result.plans.items()
    }
    return replace(result, plan=replace(result.plan, ef_search=params.ef_search), plans=plans)


def _told(
    collections: tuple[Collection, ...],
    params: SearchParams,
    result: SearchResult,
    started: float,
    tokens: int,
    cached_tokens: int,
) -> SearchResult:
    seconds = time.perf_counter() - started
    telemetry.searched(
        collection=",".join([collection.name for collection in collections]),
        path=result.plan.path,
        mode=params.mode,
        hits=len(result.hits),
        seconds=seconds,
    )
    return replace(result, tokens=tokens, cached_tokens=cached_tokens, took_ms=seconds * 1000)
