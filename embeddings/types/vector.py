"""What counts as a vector here."""

from array import array
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.constants import MAX_DIMENSIONS
from embeddings.exceptions import DimensionsMismatch, InvalidVector

NUMBER_TYPES = frozenset({int, float})
FLOAT32_MAX = float(np.finfo(np.float32).max)


def parse_vector(value: Any, *, param: str) -> NDArray[np.float32]:
    """The vector, float32 `(dimensions,)`, that the JSON value spells. Raises InvalidVector."""
    if not isinstance(value, list) or not 0 < len(value) <= MAX_DIMENSIONS:
        raise InvalidVector(param=param, reason=f"send a list of 1 to {MAX_DIMENSIONS} numbers.")
    if not NUMBER_TYPES.issuperset(map(type, value)):
        index = next(i for i, item in enumerate(value) if type(item) not in NUMBER_TYPES)
        raise InvalidVector(param=param, reason=f"item {index} is not a number.")
    # numpy itself would warn of a number that is too large for float32.
    vector = np.frombuffer(array("f", value), dtype=np.float32)
    _check_size(vector, param=param)
    return vector


def check_vector(vector: NDArray[np.float32], *, dimensions: int, param: str) -> None:
    """Raises DimensionsMismatch, or InvalidVector for what has no finite distance to others."""
    if vector.shape != (dimensions,):
        raise DimensionsMismatch(param=param, given=vector.shape[0], expected=dimensions)
    _check_size(vector, param=param)


def _check_size(vector: NDArray[np.float32], *, param: str) -> None:
    """pgvector adds up squares in float32 too, and those of a difference reach four times those of
    the larger vector.
    """
    # Unlike `@`, vdot gives no warning that would have to be turned off, which takes longer.
    squares = float(np.vdot(vector, vector)) * 4
    if not squares <= FLOAT32_MAX:
        raise InvalidVector(
            param=param, reason="its numbers are NaN, infinite or too large for float32."
        )
    if squares == 0:
        raise InvalidVector(param=param, reason="its numbers are all zero, or too small.")
