"""What measures texts."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Span = tuple[int, int]
"""`text[start:end]`, in code points."""


class Ruler(Protocol):
    """Measures texts in a model's tokens, special ones apart."""

    @property
    def json(self) -> str:
        """The tokenizer, as its library writes it."""
        ...

    def starts(self, text: str) -> NDArray[np.int64]:
        """The character at which each token begins, in order."""
        ...

    def count(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has."""
        ...
