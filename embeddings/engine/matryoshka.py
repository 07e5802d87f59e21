"""Shorter vectors from models that were trained for it."""

import numpy as np
from numpy.typing import NDArray


def shorten(vectors: NDArray[np.float32], dimensions: int) -> NDArray[np.float32]:
    """The first `dimensions` of each vector, at length 1 again: float32 `(n, dimensions)`.

    As Kusupati et al. 2022 (arXiv:2205.13147) train for, and as OpenAI's `dimensions` does. A part
    that is all zeros stays so.
    """
    part = np.ascontiguousarray(vectors[:, :dimensions])
    lengths = np.linalg.norm(part, axis=1, keepdims=True)
    short: NDArray[np.float32] = np.divide(part, lengths, out=part.copy(), where=lengths > 0)
    return short
