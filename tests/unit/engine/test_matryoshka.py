"""Cutting vectors and bringing them back to length 1."""

import numpy as np

from embeddings.engine.matryoshka import shorten


def test_it_works() -> None:
    vectors = np.array([[3.0, 4.0, 12.0], [0.0, -0.5, 9.0]], dtype=np.float32)

    short = shorten(vectors, 2)

    np.testing.assert_allclose(short, [[0.6, 0.8], [0.0, -1.0]], rtol=0, atol=1e-7)
    assert short.dtype == np.float32
    assert short.flags.c_contiguous
    assert vectors[0].tolist() == [3, 4, 12], "the cache's own vectors must stay as they are"


def test_what_is_all_zeros_stays_so() -> None:
    vectors = np.array([[0, 0, 1]], dtype=np.float32)

    assert shorten(vectors, 2).tolist() == [[0, 0]]
