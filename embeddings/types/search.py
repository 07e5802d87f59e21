"""A search on its way in, and its answer."""

import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embeddings.constants import DEFAULT_TOP_K, SearchMode, SearchPath
from embeddings.types.filter import Condition, MetadataFilter

Include = frozenset[str]
DEFAULT_INCLUDE: Include = frozenset({"text", "metadata"})
INCLUDABLE = ("text", "metadata", "vector", "chunk")


@dataclass(frozen=True, slots=True)
class SearchParams:
    """Exactly one of `query`, `vector` float32 `(dimensions,)` and `document_id` (an external id)
    is set.
    """

    query: str | None = None
    vector: NDArray[np.float32] | None = None
    document_id: str | None = None
    top_k: int = DEFAULT_TOP_K
    mode: SearchMode = SearchMode.SEMANTIC
    metadata_filter: MetadataFilter | None = None
    include: Include = DEFAULT_INCLUDE
    min_score: float | None = None
    exact: bool = False
    ef_search: int | None = None
    max_candidates: int | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One ranked document with its best chunk. `distance` is pgvector's, lower is nearer; `score`
    is higher-is-better. `scores` has those it was made of, where there are several.
    """

    document_id: uuid.UUID
    external_id: str
    score: float
    distance: float | None
    start: int
    end: int
    ordinal: int
    text: str | None = None
    metadata: dict[str, Any] | None = None
    vector: NDArray[np.float32] | None = None
    scores: dict[str, float] | None = None
    highlights: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How a search was done. `matches` counts what the filter lets through, None where nothing
    counted.
    """

    path: SearchPath
    exact: bool
    ef_search: int | None = None
    candidates: int | None = None
    matches: int | None = None
    matches_at_least: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What one mode of search found, best first, and how."""

    hits: list[Hit]
    plan: Plan


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, nearest first."""

    hits: list[Hit]
    plan: Plan
    tokens: int = 0
    cached_tokens: int = 0
    took_ms: float = 0.0


__all__ = [
    "DEFAULT_INCLUDE",
    "INCLUDABLE",
    "Condition",
    "Found",
    "Hit",
    "Include",
    "MetadataFilter",
    "Plan",
    "SearchParams",
    "SearchResult",
]
