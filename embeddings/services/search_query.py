"""What a search is to compare: the vector of its query, however the caller spells that."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from embeddings.constants import Metric, SearchMode
from embeddings.exceptions import InvalidFilter, InvalidRequest, NotFound
from embeddings.models import Collection, Generation
from embeddings.models.document import document_id
from embeddings.services.embed import check_text, embed_cached
from embeddings.services.engine import require_fingerprint
from embeddings.services.metadata_schema import typed_filter
from embeddings.services.recommend import example_ids, recommended_vector
from embeddings.services.redaction import redact_query
from embeddings.services.row_filter import within_view
from embeddings.services.search_candidates import Asked
from embeddings.services.search_cursor import Position, read_cursor, scope_of
from embeddings.store.chunks import document_vector
from embeddings.store.search import Target
from embeddings.types.keyword_query import meant_text
from embeddings.types.search import SearchParams
from embeddings.types.vector import check_vector


@dataclass(frozen=True, slots=True)
class QueryVector:
    """A float32 `(dimensions,)` vector, None where only words are compared, and what it cost."""

    vector: NDArray[np.float32] | None
    tokens: int = 0
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Query:
    """A search ready to run; `position` where it goes on behind an earlier page."""

    asked: Asked
    position: Position | None
    tokens: int
    cached_tokens: int


def prepare_query(
    *,
    collections: tuple[Collection, ...],
    params: SearchParams,
    owner_id: int | None,
    embedded: QueryVector | None = None,
    named: bool = False,
) -> Query:
    """The query with its vector, which is `embedded` where that is known already. `owner_id` is
    whose cached vectors may serve; without one the cache is passed by. With `named` each hit is to
    name its collection.

    Raises EmptyText, InvalidRequest, InvalidVector, InvalidFilter, InvalidCursor,
    DimensionsMismatch, NotFound (for an unknown document), UnknownModel, EngineUnavailable.
    """
    params = _typed(collections, redact_query(collections=collections, params=params))
    views = {
        each.pk: within_view(collection=each, metadata_filter=params.metadata_filter)
        for each in collections
    }
    position = None
    if params.cursor is not None:
        position = read_cursor(params=params, scope=scope_of(collections, views))
        if position.vector is not None:
            embedded = QueryVector(position.vector)
    made = embedded or _query_vector(collections[0], params, owner_id)
    excluded = example_ids(collection=collections[0], params=params) if params.positive else None
    asked = Asked(collections, params, views, made.vector, excluded or frozenset(), named)
    return Query(asked, position, made.tokens, made.cached_tokens)


def _typed(collections: tuple[Collection, ...], params: SearchParams) -> SearchParams:
    """With the filter as the collections' schemas have it compare."""
    if params.metadata_filter is None:
        return params
    meant = {
        typed_filter(collection=collection, metadata_filter=params.metadata_filter)
        for collection in collections
    }
    if len(meant) > 1:
        reason = "the collections declare its fields differently. Search them one by one."
        raise InvalidFilter(param="filter", reason=reason)
    return replace(params, metadata_filter=meant.pop())


def needs_embedding(params: SearchParams) -> bool:
    """Whether a model has to read the query's text. Raises EmptyText and InvalidRequest for one
    that none should.
    """
    if params.query is None:
        return False
    check_text(params.query, param="query")
    return params.mode != SearchMode.KEYWORD and params.cursor is None


def text_to_embed(params: SearchParams) -> str:
    """The query's text; in a hybrid search without what it excludes. Raises InvalidRequest."""
    text = params.query or ""
    return meant_text(text) if params.mode == SearchMode.HYBRID else text


def embed_queries(
    *, generation: Generation, texts: Sequence[str], owner_id: int | None
) -> list[QueryVector]:
    """The texts' vectors by the generation's model, in one call. Raises UnknownModel,
    EngineUnavailable.
    """
    embedder = require_fingerprint(model=generation.model, fingerprint=generation.fingerprint)
    made = embed_cached(embedder=embedder, owner_id=owner_id, texts=texts, input_type="query")
    return [
        QueryVector(vector, tokens, tokens if cached else 0)
        for vector, tokens, cached in zip(
            made.vectors, made.tokens.tolist(), made.cached.tolist(), strict=True
        )
    ]


def _query_vector(
    collection: Collection, params: SearchParams, owner_id: int | None
) -> QueryVector:
    generation = collection.generation
    if params.vector is not None:
        check_vector(params.vector, dimensions=generation.dimensions, param="vector")
        return QueryVector(params.vector)
    if params.document_id is not None:
        return QueryVector(_stored_vector(collection, params.document_id))
    if params.positive:
        vector = recommended_vector(collection=collection, params=params)
        check_vector(vector, dimensions=generation.dimensions, param="positive")
        return QueryVector(vector)
    if params.query is None:
        raise InvalidRequest(detail="Send a query, a vector, a document_id or positive examples.")
    if not needs_embedding(params):
        return QueryVector(None)
    [made] = embed_queries(generation=generation, texts=[text_to_embed(params)], owner_id=owner_id)
    return made


def _stored_vector(collection: Collection, external_id: str) -> NDArray[np.float32]:
    pk = document_id(collection_id=collection.pk, external_id=external_id)
    stored = document_vector(
        target=Target.of(collection.generation),
        document_id=pk,
        metadata_filter=within_view(collection=collection),
        as_units=collection.generation.metric == Metric.COSINE,
    )
    if stored is None:
        raise NotFound(param="document_id")
    return stored
