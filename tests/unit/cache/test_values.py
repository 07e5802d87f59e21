"""Cached values as bytes."""

import numpy as np
import pytest

from embeddings.cache import Kind, pack, pack_vector, unpack
from embeddings.cache.values import HEADER, START, is_intact, now_ms, saved_tokens, written_ms

VECTOR = np.array([0.5, -1.25, 3e-39], dtype=np.float32)
KEY = b"key"


def packed(truncated: bool = False) -> bytes:
    return pack_vector(key=KEY, vector=VECTOR, tokens=7, truncated=truncated)


@pytest.mark.parametrize("truncated", [False, True])
def test_a_vector_comes_back_bit_by_bit(truncated: bool) -> None:
    before = now_ms()
    value = unpack(packed(truncated))
    assert value.payload == VECTOR.astype("<f4").tobytes()
    assert value.tokens == 7
    assert value.kind == (Kind.TRUNCATED_VECTOR if truncated else Kind.VECTOR)
    assert before <= value.written_ms <= now_ms()
    assert before <= written_ms(packed()[: 16 + HEADER.size]) <= now_ms()


def test_a_single_flipped_bit_is_found() -> None:
    whole = packed()
    assert is_intact(KEY, whole, vector_bytes=12)
    for index in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[index // 8] ^= 1 << index % 8
        assert not is_intact(KEY, bytes(flipped), vector_bytes=12), index


@pytest.mark.parametrize("length", [0, 1, 16, START, START + 11])
def test_a_shortened_value_is_found(length: int) -> None:
    assert not is_intact(KEY, packed()[:length], vector_bytes=12)


def test_a_value_under_another_key_or_of_another_length_is_found() -> None:
    assert not is_intact(b"other", packed(), vector_bytes=12)
    assert not is_intact(KEY, packed(), vector_bytes=16)


def test_only_what_a_model_would_have_read_is_saved() -> None:
    assert saved_tokens(packed()) == 7
    assert saved_tokens(pack(key=KEY, kind=Kind.TOO_LONG, tokens=900)) == 0
