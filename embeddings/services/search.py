"""Nearest documents to a text, a vector or another document."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from cachetools import TTLCache
from numpy.typing import NDArray

from accounts.policy import Action, SiteRole
from accounts.principal import Principal
from embeddings import telemetry
from embeddings.exceptions import CallerGone, EngineUnavailable, InvalidRequest, NotFound
from embeddings.models import Collection, Generation
from embeddings.models.document import document_id
from embeddings.services.collection import visible_collection, visible_collection_later
from embeddings.services.embed import check_text, embed_cached
from embeddings.services.engine import require_fingerprint
from embeddings.services.frequent_queries import record_query
from embeddings.services.search_cache import Place, recall, remember
from embeddings.services.search_path import find_semantic
from embeddings.store.chunks import document_vector
from embeddings.store.search import Alongside, nothing
from embeddings.types.search import SearchParams, SearchResult
from embeddings.types.vector import check_vector

_seen: TTLCache[tuple[SiteRole, int, str], Collection] = TTLCache(maxsize=10_000, ttl=60)
_seen_lock = threading.Lock()


def search_visible(
    *, principal: Principal, name: str, params: SearchParams, fresh: bool = False
) -> SearchResult:
    """As search_collection, of the collection that visible_collection returns; raises what both
    raise. What the principal has searched for lately is remembered, unless it wants a `fresh`
    answer; the collection is looked up in either case.
    """
    collection, result = _search_visible(principal, name, params, fresh=fresh)
    if params.query is not None:
        record_query(collection_id=collection.pk, owner_id=principal.user_id, text=params.query)
    return result


def _search_visible(
    principal: Principal, name: str, params: SearchParams, *, fresh: bool
) -> tuple[Collection, SearchResult]:
    """With the collection, as it was looked up.

    A round trip is a third of the time of a search, so the look-up travels with the search of the
    collection as it was when last looked up. Where it has changed since, the search was in vain
    and is done again.
    """
    started = time.perf_counter()
    place = partial(Place, params=params, principal=principal, passed_by=fresh)
    key = (principal.role, principal.user_id, name)
    with _seen_lock:
        seen = _seen.get(key)
    known = recall(place(seen)) if seen else None
    if seen and known is None:
        answer = _search_as_seen(seen, name, place)
        if answer is not None:
            return answer
    collection = visible_collection(principal=principal, name=name, action=Action.SEARCH)
    with _seen_lock:
        _seen[key] = collection
    if known is None or not seen or not _unchanged(seen, collection, settled=False):
        known = recall(place(collection))
    if known is not None:
        return collection, _told(collection, params, known, started)
    result = search_collection(collection=collection, params=params, owner_id=principal.user_id)
    remember(place(collection), result)
    return collection, result


def _search_as_seen(
    seen: Collection, name: str, place: Callable[[Collection], Place]
) -> tuple[Collection, SearchResult] | None:
    """None where the collection is no longer what it was; nothing of the search is told then."""
    look_ups: list[Callable[[], Collection]] = []
    principal, params = place(seen).principal, place(seen).params

    def look_up() -> None:
        look_ups.append(
            visible_collection_later(principal=principal, name=name, action=Action.SEARCH)
        )

    try:
        result = search_collection(
            collection=seen, params=params, owner_id=principal.user_id, alongside=look_up
        )
        now = look_ups[0]()
    except (EngineUnavailable, CallerGone):
        raise  # whatever the collection is now
    except Exception:  # noqa: BLE001 - what is wrong with the request shows again without haste
        return None
    # Fewer hits than asked for may be all there were, or all there were then.
    if not _unchanged(seen, now, settled=len(result.hits) == params.top_k):
        return None
    remember(place(now), result)
    return now, result


def _unchanged(seen: Collection, now: Collection, *, settled: bool) -> bool:
    """Whether a search of the one was a search of the other."""
    if not settled and seen.version != now.version:
        return False
    fields = Generation._meta.concrete_fields
    return seen.pk == now.pk and all(
        getattr(seen.generation, field.attname) == getattr(now.generation, field.attname)
        for field in fields
    )


def search_collection(
    *,
    collection: Collection,
    if seen.metadata_schema != now.metadata_schema:  # by which filters compare
        return False
    params: SearchParams,
    owner_id: int | None = None,
    alongside: Alongside = nothing,
) -> SearchResult:
    """The hits, nearest first, and the path that found them; never fewer than there are.
    `owner_id` is whose cached query vectors may serve; without one the cache is passed by.

    Raises EmptyText, InvalidRequest, InvalidVector, DimensionsMismatch, NotFound (for
    `document_id`), UnknownModel, EngineUnavailable.
    """
    started = time.perf_counter()
    vector, tokens, cached_tokens = _query_vector(collection, params, owner_id)
    found = find_semantic(
        collection=collection,
        params=params,
        vector=vector,
        depth=params.top_k,
        alongside=alongside,
    )
    hits = found.hits
    if params.min_score is not None:
        hits = [hit for hit in hits if hit.score >= params.min_score]
    result = SearchResult(hits=hits, plan=found.plan, tokens=tokens, cached_tokens=cached_tokens)
    return _told(collection, params, result, started)


def _told(
    collection: Collection, params: SearchParams, result: SearchResult, started: float
) -> SearchResult:
    seconds = time.perf_counter() - started
    telemetry.searched(
        collection=collection.name,
        path=result.plan.path,
        mode=params.mode,
        hits=len(result.hits),
        seconds=seconds,
    )
    return replace(result, took_ms=seconds * 1000)


def _query_vector(
    collection: Collection, params: SearchParams, owner_id: int | None
) -> tuple[NDArray[np.float32], int, int]:
    generation = collection.generation
    if params.vector is not None:
        check_vector(params.vector, dimensions=generation.dimensions, param="vector")
        return params.vector, 0, 0
    if params.document_id is not None:
        pk = document_id(collection_id=collection.pk, external_id=params.document_id)
        stored = document_vector(generation_id=generation.pk, document_id=pk)
        if stored is None:
            raise NotFound(param="document_id")
        return stored, 0, 0
    if params.query is None:
        raise InvalidRequest(detail="Send a query, a vector or a document_id.")
    check_text(params.query, param="query")
    embedder = require_fingerprint(model=generation.model, fingerprint=generation.fingerprint)
    embedded = embed_cached(
        embedder=embedder, owner_id=owner_id, texts=[params.query], input_type="query"
    )
    return embedded.vectors[0], int(embedded.tokens[0]), embedded.cached_tokens
