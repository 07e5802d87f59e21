"""Several searches at once: in several collections, of several queries, or both."""

from collections.abc import Sequence

from accounts.exceptions import within
from accounts.policy import Action
from accounts.principal import Principal
from embeddings.exceptions import IncomparableCollections
from embeddings.models import Collection
from embeddings.services.audit_reads import note_search
from embeddings.services.collection import visible_collection
from embeddings.services.frequent_queries import record_query
from embeddings.services.redaction import redact_query
from embeddings.services.search import Gone, search_collections
from embeddings.services.search_cache import Place, recall, remember
from embeddings.services.search_query import (
    QueryVector,
    embed_queries,
    needs_embedding,
    text_to_embed,
)
from embeddings.services.usage import record_search
from embeddings.types.search import SearchParams, SearchResult


def search_many(
    *,
    principal: Principal,
    names: Sequence[str],
    queries: Sequence[SearchParams],
    named: bool,
    fresh: bool = False,
    gone: Gone | None = None,
) -> list[SearchResult]:
    """The result of each query, in their order: as search_collections has it, of the collections
    that visible_collection returns; with the texts embedded in one call. With `named` hits name
    their collection; else there is only one, and what search_visible remembers serves here too.

    Raises what those raise, at the query's place, and IncomparableCollections.
    """
    collections = _visible(principal, names, named=named)
    queries = [redact_query(collections=collections, params=params) for params in queries]
    passed_by = fresh or named
    places = [Place(collections[0], params, principal, passed_by=passed_by) for params in queries]
    known = [recall(place) for place in places]
    vectors = _embedded(collections[0], principal, queries, known)
    results = []
    for index, params in enumerate(queries):
        result = known[index]
        if result is None:
            with within(f"queries.{index}"):
                result = search_collections(
                    collections=collections,
                    params=params,
                    owner_id=principal.user_id,
                    embedded=vectors.get(index),
                    named=named,
                    gone=gone,
                )
            remember(places[index], result)
        record_search(collections=collections, result=result)
        results.append(result)
    hits = sum(len(result.hits) for result in results)
    modes = ",".join(sorted({params.mode for params in queries}))
    note_search(collections=collections, mode=modes, hits=hits, searches=len(queries))
    _record(principal, collections, queries)
    return results


def search_across(
    *,
    principal: Principal,
    names: Sequence[str],
    params: SearchParams,
    gone: Gone | None = None,
) -> SearchResult:
    """As search_collections, of the collections that visible_collection returns; hits name theirs.
    Raises what both raise, and IncomparableCollections.
    """
    collections = _visible(principal, names, named=True)
    params = redact_query(collections=collections, params=params)
    result = search_collections(
        collections=collections,
        params=params,
        owner_id=principal.user_id,
        named=True,
        gone=gone,
    )
    record_search(collections=collections, result=result)
    note_search(collections=collections, mode=params.mode, hits=len(result.hits))
    _record(principal, collections, [params])
    return result


def _visible(principal: Principal, names: Sequence[str], *, named: bool) -> tuple[Collection, ...]:
    """Those of the names, each once, if their vectors may be compared."""
    found: dict[str, Collection] = {}
    for index, name in enumerate(names):
        if name not in found:
            with within(f"collections.{index}" if named else "collection"):
                found[name] = visible_collection(
                    principal=principal, name=name, action=Action.SEARCH
                )
    first, *others = collections = list(found.values())
    for other in others:
        for field in ("fingerprint", "metric"):
            if getattr(first.generation, field) != getattr(other.generation, field):
                what = "models" if field == "fingerprint" else "metrics"
                raise IncomparableCollections(
                    param="collections", one=first.name, other=other.name, what=what
                )
    return tuple(collections)


def _embedded(
    collection: Collection,
    principal: Principal,
    queries: Sequence[SearchParams],
    known: Sequence[SearchResult | None],
) -> dict[int, QueryVector]:
    texts: dict[int, str] = {}
    for index, params in enumerate(queries):
        if known[index] is None:
            with within(f"queries.{index}"):
                if needs_embedding(params):
                    texts[index] = text_to_embed(params)
    if not texts:
        return {}
    vectors = embed_queries(
        generation=collection.generation,
        texts=list(texts.values()),
        owner_id=principal.user_id,
    )
    return dict(zip(texts, vectors, strict=True))


def _record(
    principal: Principal, collections: Sequence[Collection], queries: Sequence[SearchParams]
) -> None:
    for params in queries:
        for collection in collections:
            if params.query is not None:
                record_query(
                    collection_id=collection.pk, owner_id=principal.user_id, text=params.query
                )
