"""Vectors on their way out."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

InputType = Literal["document", "query"]


@dataclass(frozen=True, slots=True)
class EmbedResult:
    """`vectors` float32 `(n, dimensions)`; `tokens` int32, `truncated` and `cached` bool, all
    `(n,)`: cached is what no model was asked for.
    """

    model: str
    dimensions: int
    vectors: NDArray[np.float32]
    tokens: NDArray[np.int32]
    truncated: NDArray[np.bool_]
    cached: NDArray[np.bool_]

    @property
    def cached_tokens(self) -> int:
        """How many of the tokens no model had to read."""
        return int(self.tokens[self.cached].sum())
