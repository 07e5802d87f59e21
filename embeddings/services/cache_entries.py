"""What is in the cache: how much a clear would touch, and which values spare models the most."""

from collections.abc import Mapping
from datetime import UTC, datetime

from embeddings.cache import (
    EVERYTHING,
    Kind,
    collection_scope,
    model_scope,
    now_ms,
    prefix_of,
    the_cache,
    unpack,
)
from embeddings.cache.values import START, is_intact
from embeddings.models import Collection
from embeddings.services.models import listed_models
from embeddings.types.cache import Holding, TopEntry

DIGEST_BYTES = 32
SHOWN_HASH = 12
NAMED_COLLECTIONS = 5_000
"""A millisecond of hashing for each thousand; of more, only the hash is shown."""

KINDS = {
    Kind.VECTOR: "vector",
    Kind.TRUNCATED_VECTOR: "vector",
    Kind.TOO_LONG: "refusal",
    Kind.RESULT: "search",
}


def scope_of(*, model: str | None = None, collection: Collection | None = None) -> str:
    """What is cleared for a model or a collection, or all."""
    if model is not None:
        return model_scope(model)
    return EVERYTHING if collection is None else collection_scope(collection.pk)


def holding(
    *, model: str | None = None, collection: Collection | None = None, older_than_s: int = 0
) -> Holding:
    """What there is for clear_cache, asked the same way, to forget now."""
    prefix = prefix_of(scope_of(model=model, collection=collection))
    before_ms = now_ms() + 1 - older_than_s * 1000
    cache = the_cache()
    entries, size = cache.memory.count(prefix=prefix, before_ms=before_ms)
    if cache.shared is None:
        return Holding(entries=entries, bytes=size)
    redis, is_all = cache.shared.count(prefix=prefix, before_ms=before_ms if older_than_s else None)
    return Holding(entries=entries, bytes=size, has_redis=True, redis=redis, redis_is_all=is_all)


def top_entries(*, limit: int = 20) -> list[TopEntry]:
    """The cached values that spared models the most tokens: of all processes with Redis, of this
    one without.
    """
    cache = the_cache()
    counted = cache.savings.top(limit)
    keys = [key for key, _ in counted]
    levels = {"memory": cache.memory.get_many(keys)}
    if cache.shared is not None and keys:
        levels["redis"] = {
            key: value
            for key, value in cache.shared.get_many(keys).items()
            if is_intact(key, value, vector_bytes=len(value) - START)
        }
    names = _names(keys)
    return [
        _entry(
            key,
            tokens,
            {level: found[key] for level, found in levels.items() if key in found},
            names,
        )
        for key, tokens in counted
        if any(key in found for found in levels.values())
    ]


def _entry(
    key: bytes, tokens: int, levels: Mapping[str, bytes], names: Mapping[bytes, str]
) -> TopEntry:
    value = unpack(next(iter(levels.values())))
    return TopEntry(
        hash=key[-DIGEST_BYTES:].hex()[:SHOWN_HASH],
        kind=KINDS[Kind(value.kind)],
        of=names.get(key[:-DIGEST_BYTES]),
        saved_tokens=tokens,
        hits=tokens // max(value.tokens, 1),
        written_at=datetime.fromtimestamp(value.written_ms / 1000, UTC),
        levels=tuple(levels),
    )


def _names(keys: list[bytes]) -> dict[bytes, str]:
    """Models and collections by what the keys of their values begin with."""
    names = {prefix_of(model_scope(name)): name for name, _ in listed_models()}
    if any(key[:-DIGEST_BYTES] not in names for key in keys):
        found = Collection.objects.order_by("name").values_list("pk", "name")[:NAMED_COLLECTIONS]
        names |= {prefix_of(collection_scope(pk)): name for pk, name in found}
    return names
