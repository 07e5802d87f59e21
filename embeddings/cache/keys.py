"""Names of cached values: nobody without the instance's secret can tell what is behind one."""

import hmac
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from django.conf import settings

SHARED_OWNER = "*"
"""Whose entries are everybody's."""

EVERYTHING = "all"
"""The scope of all areas."""


@dataclass(frozen=True, slots=True)
class Area:
    """Values that are counted and cleared together: the vectors of a model, or the search results
    of a collection that it embeds.

    Clearing any of the `scopes` clears them. `vector_bytes` is the length of a vector here, 0
    where there are none.
    """

    kind: Literal["embedding", "search"]
    model: str
    scopes: tuple[str, ...]
    prefix: bytes
    ttl_s: int
    vector_bytes: int = 0


def vectors_of(*, model: str, dimensions: int) -> Area:
    """The vectors of a model."""
    scope = model_scope(model)
    return Area(
        kind="embedding",
        model=model,
        scopes=(EVERYTHING, scope),
        prefix=prefix_of(scope),
        ttl_s=settings.EMBED.cache_ttl_s,
        vector_bytes=4 * dimensions,
    )


def searches_of(*, collection_id: uuid.UUID, model: str) -> Area:
    """The search results of a collection."""
    scope = collection_scope(collection_id)
    return Area(
        kind="search",
        model=model,
        scopes=(EVERYTHING, model_scope(model), scope),
        prefix=prefix_of(scope),
        ttl_s=settings.EMBED.cache_search_ttl_s,
    )


def model_scope(model: str) -> str:
    """What is cleared for a model."""
    return f"model:{model}"


def collection_scope(collection_id: uuid.UUID) -> str:
    """What is cleared for a collection."""
    return f"collection:{collection_id.hex}"


@lru_cache(maxsize=1024)
def prefix_of(scope: str) -> bytes:
    """What the keys of the scope begin with, and no other key of the same Redis."""
    if scope == EVERYTHING:
        return b"embed:" + _tag("instance") + b":"
    return prefix_of(EVERYTHING) + _tag(scope) + b":"


def text_keys(
    area: Area,
    texts: Sequence[str],
    *,
    owner_id: int,
    fingerprint: str,
    input_type: str,
    max_tokens: int,
    truncate: bool,
) -> list[bytes]:
    """A key for each text, of all that its outcome depends on. Owners share nothing unless the
    operator says so: else the time of an answer would tell what others embedded.
    """
    owner = SHARED_OWNER if settings.EMBED.cache_sharing else str(owner_id)
    # Only the text can hold any character, and it stands last.
    start = f"{owner}\n{fingerprint}\n{input_type}\n{max_tokens}\n{truncate}\n".encode()
    secret, prefix = instance_key(), area.prefix
    return [prefix + hmac.digest(secret, start + text.encode(), "sha256") for text in texts]


def result_key(area: Area, identity: str) -> bytes:
    """The key of a search result; the identity says all that it depends on."""
    return area.prefix + hmac.digest(instance_key(), identity.encode(), "sha256")


@lru_cache(maxsize=1)
def instance_key() -> bytes:
    """32 bytes that only instances with the same secret key have."""
    secret: str = settings.EMBED.secret_key.get_secret_value()
    return hmac.digest(secret.encode(), b"embeddings.cache", "sha256")


def _tag(name: str) -> bytes:
    return hmac.digest(instance_key(), name.encode(), "sha256")[:8].hex().encode()
