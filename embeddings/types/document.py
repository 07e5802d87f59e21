"""Documents on their way in, and what became of them."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.constants import OnConflict
from embeddings.types.redaction import NO_REDACTION, Redaction


@dataclass(frozen=True, slots=True)
class DocumentInput:
    """A document as its caller sends it; `embedding` float32 `(dimensions,)` spares the model."""

    external_id: str
    text: str
    metadata: dict[str, Any] = field(default_factory=dict)
    embedding: NDArray[np.float32] | None = None
    redaction: Redaction = NO_REDACTION
    """What was taken out of it already."""


@dataclass(frozen=True, slots=True)
class AddResult:
    """What an add did; `ids` in the order of the request."""

    ids: list[str]
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    truncated: list[str] = field(default_factory=list)
    tokens: int = 0
    cached_tokens: int = 0


__all__ = ["AddResult", "DocumentInput", "OnConflict"]
