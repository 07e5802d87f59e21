"""Vectors on their way out."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

InputType = Literal["document", "query"]


@dataclass(frozen=True, slots=True)
class EmbedResult:
    """`vectors` float32 `(n, dimensions)`; `tokens` int32 and `truncated` bool, both `(n,)`."""

    model: str
    dimensions: int
    vectors: NDArray[np.float32]
    tokens: NDArray[np.int32]
    truncated: NDArray[np.bool_]
