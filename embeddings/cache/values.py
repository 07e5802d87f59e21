"""Cached values as bytes: a checksum, a header, and a vector as raw float32 or a result as JSON."""

import hashlib
import struct
import time
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embeddings.cache.keys import instance_key

CHECKSUM_BYTES = 16
HEADER = struct.Struct("<BxxxIQ")
"""Kind; tokens; time of writing in milliseconds."""

START = CHECKSUM_BYTES + HEADER.size


class Kind(IntEnum):
    """What is behind the header."""

    VECTOR = 1
    TRUNCATED_VECTOR = 2
    TOO_LONG = 3
    RESULT = 4


class Value(NamedTuple):
    """A value read; `tokens` of a text, all of them where it is too long."""

    kind: int
    tokens: int
    written_ms: int
    payload: bytes


def pack(*, key: bytes, kind: Kind, tokens: int, payload: bytes = b"") -> bytes:
    """The bytes of a new value under its key."""
    content = HEADER.pack(kind, tokens, now_ms()) + payload
    return _checksum(key, content) + content


def unpack(packed: bytes) -> Value:
    """The value of bytes that are intact."""
    kind, tokens, written = HEADER.unpack_from(packed, CHECKSUM_BYTES)
    return Value(kind, tokens, written, packed[START:])


def pack_vector(*, key: bytes, vector: NDArray[np.float32], tokens: int, truncated: bool) -> bytes:
    """A text's outcome as bytes; `vector` float32 `(dimensions,)`."""
    kind = Kind.TRUNCATED_VECTOR if truncated else Kind.VECTOR
    return pack(key=key, kind=kind, tokens=tokens, payload=vector.astype("<f4").tobytes())


def kind_of(packed: bytes) -> int:
    """The value's kind."""
    return packed[CHECKSUM_BYTES]


def written_ms(packed: bytes) -> int:
    """When the value was written; `packed` may end behind the header."""
    written: int = HEADER.unpack_from(packed, CHECKSUM_BYTES)[2]
    return written


def saved_tokens(packed: bytes) -> int:
    """The tokens that the value spares a model; a text that is too long is not read anyway."""
    kind, tokens, _ = HEADER.unpack_from(packed, CHECKSUM_BYTES)
    return 0 if kind == Kind.TOO_LONG else int(tokens)


def is_intact(key: bytes, packed: bytes, *, vector_bytes: int) -> bool:
    """Whether these are the very bytes that were packed under this key, and a vector is of the
    right length. The checksum is keyed: whoever writes to Redis can't make up a value.
    """
    if len(packed) < START or packed[:CHECKSUM_BYTES] != _checksum(key, packed[CHECKSUM_BYTES:]):
        return False
    is_vector = kind_of(packed) in (Kind.VECTOR, Kind.TRUNCATED_VECTOR)
    return not is_vector or len(packed) - START == vector_bytes


def now_ms() -> int:
    """Milliseconds since 1970: comparable between processes."""
    return time.time_ns() // 1_000_000


def _checksum(key: bytes, content: bytes) -> bytes:
    digest = hashlib.blake2b(key, key=instance_key(), digest_size=CHECKSUM_BYTES)
    digest.update(content)
    return digest.digest()
