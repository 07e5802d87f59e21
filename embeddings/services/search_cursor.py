"""Where a page of results ended, as an opaque text that only this service can have written.

A cursor belongs to one query: its signature covers all that says which hits there are, and in which
order. It is good for as long as the collections, their generations and the instance's key are.
"""

import base64
import binascii
import hashlib
import hmac
import struct
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from embeddings.cache.keys import instance_key
from embeddings.exceptions import InvalidCursor
from embeddings.models import Collection
from embeddings.services.search_cache import spelled
from embeddings.services.search_candidates import Asked
from embeddings.store.search_pages import Key
from embeddings.types.search import Hit, MetadataFilter, SearchParams

HEADER = struct.Struct("<?d16siI")
"""Whether there is a key; the key; how many tags of shown hits follow it. Then comes the vector."""

TAG = struct.Struct("<8si")
SIGNATURE_BYTES = 16
FREE = frozenset({"cursor", "top_k", "include", "facets"})
"""What the next page may ask otherwise."""

Scope = list[tuple[int, MetadataFilter | None]]
NO_KEY: Key = (0.0, uuid.UUID(int=0), 0)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended. All hits up to the key `after` in the exact order were shown; so were
    those whose tags are in `shown`, wherever they stand. `vector`, float32 `(dimensions,)`, is the
    query's where its caller sent none: embedding the text again may change its last bits, and with
    them the order.
    """

    after: Key | None
    shown: frozenset[bytes] = frozenset()
    vector: NDArray[np.float32] | None = None


def tag(hit: Hit, *, by_chunk: bool) -> bytes:
    """Tells one hit of a search from the others. The ids are hashes: 60 bits of one are enough."""
    return TAG.pack(hit.document_id.bytes[:8], hit.ordinal if by_chunk else 0)


def write_cursor(*, asked: Asked, position: Position) -> str:
    """The position as a text."""
    after = position.after
    distance, document_id, ordinal = after or NO_KEY
    payload = HEADER.pack(
        after is not None, distance, document_id.bytes, ordinal, len(position.shown)
    )
    payload += b"".join(sorted(position.shown))
    if asked.params.vector is None and asked.vector is not None:
        payload += asked.vector.astype("<f4").tobytes()
    scope = scope_of(asked.collections, asked.views)
    signed = _signature(payload, asked.params, scope) + payload
    return base64.urlsafe_b64encode(signed).decode().rstrip("=")


def scope_of(
    collections: Sequence[Collection], views: Mapping[uuid.UUID, MetadataFilter | None]
) -> Scope:
    """What a cursor was given for, besides its query: generations, and what was seen of them."""
    return [(each.generation.pk, views[each.pk]) for each in collections]


def read_cursor(*, params: SearchParams, scope: Scope) -> Position:
    """What write_cursor made the cursor of. Raises InvalidCursor for one that it did not make, or
    made for another query, or for who sees other documents.
    """
    try:
        text = (params.cursor or "").encode("ascii")
        signed = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise InvalidCursor(param="cursor") from None
    signature, payload = signed[:SIGNATURE_BYTES], signed[SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(payload, params, scope)):
        raise InvalidCursor(param="cursor")
    has_key, distance, document, ordinal, count = HEADER.unpack_from(payload)
    end = HEADER.size + count * TAG.size
    tags = (payload[at : at + TAG.size] for at in range(HEADER.size, end, TAG.size))
    vector = np.frombuffer(payload, dtype="<f4", offset=end).astype(np.float32)
    return Position(
        after=(distance, uuid.UUID(bytes=document), ordinal) if has_key else None,
        shown=frozenset(tags),
        vector=vector if vector.size else None,
    )


def _signature(payload: bytes, params: SearchParams, scope: Scope) -> bytes:
    query = repr((scope, spelled(params, without=FREE))).encode()
    message = struct.pack("<Q", len(query)) + query + payload
    return hashlib.blake2b(message, key=_key(), digest_size=SIGNATURE_BYTES).digest()


@lru_cache(maxsize=1)
def _key() -> bytes:
    return hmac.digest(instance_key(), b"search cursor", "sha256")
