"""What the service remembers of texts and searches: in this process, and in Redis for all."""

from embeddings.cache.cache import Cache, Fetched, the_cache
from embeddings.cache.keys import (
    EVERYTHING,
    Area,
    collection_scope,
    model_scope,
    prefix_of,
    result_key,
    searches_of,
    text_keys,
    vectors_of,
)
from embeddings.cache.values import Kind, Value, kind_of, now_ms, pack, pack_vector, unpack

__all__ = [
    "EVERYTHING",
    "Area",
    "Cache",
    "Fetched",
    "Kind",
    "Value",
    "collection_scope",
    "kind_of",
    "model_scope",
    "now_ms",
    "pack",
    "pack_vector",
    "prefix_of",
    "result_key",
    "searches_of",
    "text_keys",
    "the_cache",
    "unpack",
    "vectors_of",
]
