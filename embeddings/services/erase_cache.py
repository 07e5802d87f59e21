"""The cached vectors of texts, forgotten in every process and in Redis."""

from collections.abc import Collection as Sized
from itertools import product

from django.conf import settings

from accounts.exceptions import Problem
from accounts.models import User
from embeddings.cache import now_ms, text_keys, the_cache, vectors_of
from embeddings.models import CacheErasure, Generation
from embeddings.services.cache import clear_cache
from embeddings.services.engine import model_info
from embeddings.types.cache import MAX_TTL_S

MAX_KEYS = 20_000
"""Half a second of hashing. To name more entries than that takes longer than to fill the cache of
the model again."""


def forget_vectors(*, generation: Generation, texts: Sized[str] | None) -> int | None:
    """Forget the texts' vectors, whoever had them embedded; those of the whole model where the
    texts are too many, or not known. Returns how many were found here and in Redis, None where
    Redis does not answer.

    Belongs at the end of the transaction that erases the texts: other processes follow within a
    second of its commit.
    """
    keys = None if texts is None else _keys(generation, texts)
    if keys is None:
        cleared = clear_cache(model=generation.model)
        return found(memory=cleared.memory, redis=cleared.redis)
    moot = now_ms() - 1000 * MAX_TTL_S
    CacheErasure.objects.filter(erased_ms__lt=moot).delete()
    if not keys:
        return 0
    CacheErasure.objects.create(keys=keys, erased_ms=now_ms())
    cache = the_cache()
    redis = None if cache.shared is None else cache.shared.discard(keys)
    return found(memory=cache.memory.discard(keys), redis=redis)


def _keys(generation: Generation, texts: Sized[str]) -> list[bytes] | None:
    try:
        model = model_info(generation.model)
    except Problem:
        return None
    owners = _owners()
    if model.fingerprint != generation.fingerprint or 4 * len(texts) * len(owners) > MAX_KEYS:
        return None
    area = vectors_of(model=model.name, dimensions=model.dimensions)
    return [
        key
        for owner_id, input_type, truncate in product(owners, ("document", "query"), (True, False))
        for key in text_keys(
            area,
            list(texts),
            owner_id=owner_id,
            fingerprint=model.fingerprint,
            input_type=input_type,
            max_tokens=model.max_tokens,
            truncate=truncate,
        )
    ]


def _owners() -> list[int]:
    """Whose entries there may be; one stands for all where they share them."""
    if settings.EMBED.cache_sharing:
        return [0]
    return list(User.objects.values_list("pk", flat=True))


def found(*, memory: int, redis: int | None) -> int | None:
    """How many entries there were, None where there is a Redis that does not answer."""
    if redis is None and the_cache().shared is not None:
        return None
    return memory + (redis or 0)
