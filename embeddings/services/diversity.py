"""Hits that differ from each other: maximal marginal relevance, in plain numpy."""

import numpy as np
from numpy.typing import NDArray


def most_diverse(
    *, relevance: NDArray[np.float32], vectors: NDArray[np.float32], diversity: float, count: int
) -> list[int]:
    """Up to `count` candidates in the order in which they are chosen: each next one is the one with
    the highest `(1 - diversity) * relevance - diversity * (cosine to the most similar one chosen
    before it)`, the first of equal ones.

    Maximal marginal relevance of Carbonell and Goldstein, SIGIR 1998, with lambda = 1 - diversity.
    `relevance` is `(n,)` and best on the scale of a cosine; `vectors` are `(n, dimensions)` of any
    length but zero.
    """
    units = _units(vectors)
    nearest = np.full(len(units), -np.inf)
    gain = (1 - diversity) * relevance
    chosen: list[int] = []
    left = np.ones(len(units), dtype=np.bool_)
    for _ in range(min(count, len(units))):
        penalty = diversity * nearest if chosen else 0.0
        best = int(np.argmax(np.where(left, gain - penalty, -np.inf)))
        chosen.append(best)
        left[best] = False
        nearest = np.maximum(nearest, units @ units[best])
    return chosen


def cosines(vector: NDArray[np.float32], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The cosine of the `(dimensions,)` vector with each of the `(n, dimensions)` ones, `(n,)`."""
    cosines: NDArray[np.float64] = _units(vectors) @ _units(vector[np.newaxis])[0]
    return cosines.astype(np.float32)


def scaled(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """The scores `(n,)` moved and stretched to 0…1; all 1 where they are equal."""
    low, high = scores.min(initial=np.inf), scores.max(initial=-np.inf)
    if not high > low:
        return np.ones_like(scores)
    result: NDArray[np.float32] = (scores - low) / (high - low)
    return result


def _units(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = vectors.astype(np.float64)  # the squares of some float32 are too small for float32
    result: NDArray[np.float64] = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return result
