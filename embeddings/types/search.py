"""A search on its way in, and its answer."""

import uuid
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from embeddings.constants import DEFAULT_TOP_K, SearchMode, SearchPath
from embeddings.types.filter import Condition, MetadataFilter, Path

Include = frozenset[str]
DEFAULT_INCLUDE: Include = frozenset({"text", "metadata"})
INCLUDABLE = ("text", "metadata", "vector", "chunk", "highlights")


@dataclass(frozen=True, slots=True)
class FieldGroups:
    """Up to `size` hits for each value of a metadata field."""

    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each ranking counts in a hybrid search; not negative, and not both zero."""

    semantic: float
    keyword: float


@dataclass(frozen=True, slots=True)
class Rerank:
    """Which reranker judges how many of the best candidates; the default ones without."""

    model: str | None = None
    top_n: int | None = None


@dataclass(frozen=True, slots=True)
class Facet:
    """A metadata field of which the `limit` most frequent values are counted; `name` is its path
    as the caller spells it.
    """

    path: Path
    limit: int
    name: str


@dataclass(frozen=True, slots=True)
class SearchParams:
    """Exactly one of `query`, `vector` float32 `(dimensions,)`, `document_id` (an external id) and
    `positive` (external ids, with those in `negative`) is set. `top_k` counts groups where hits
    are grouped by a field. `cursor` is an earlier answer's.
    """

    query: str | None = None
    vector: NDArray[np.float32] | None = None
    document_id: str | None = None
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    top_k: int = DEFAULT_TOP_K
    mode: SearchMode = SearchMode.SEMANTIC
    weights: Weights | None = None
    metadata_filter: MetadataFilter | None = None
    include: Include = DEFAULT_INCLUDE
    min_score: float | None = None
    exact: bool = False
    ef_search: int | None = None
    max_candidates: int | None = None
    group_by: Literal["document", "chunk"] | FieldGroups = "document"
    diversity: float | None = None
    rerank: Rerank | None = None
    facets: tuple[Facet, ...] = ()
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """One ranked document with its best chunk. `distance` is pgvector's, lower is nearer; `score`
    is higher-is-better. `scores` has those it was made of, where there are several. `collection`
    is named where several are searched.
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
    collection: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How a search was done. `matches` counts what the filter lets through, None where nothing
    counted; `considered`, how many of the best hits were reranked, chosen from or grouped;
    `took_ms` is the time of the search proper; `weights`, how much each ranking of a hybrid search
    counted, sum to 1.
    """

    path: SearchPath
    exact: bool
    ef_search: int | None = None
    candidates: int | None = None
    matches: int | None = None
    matches_at_least: bool = False
    considered: int | None = None
    took_ms: float | None = None
    weights: dict[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What one mode of search found, best first, and how."""

    hits: list[Hit]
    plan: Plan


@dataclass(frozen=True, slots=True)
class Group:
    """The best hits, best first, whose metadata field has this value."""

    value: str | float | bool
    hits: list[Hit]


@dataclass(frozen=True, slots=True)
class FacetCounts:
    """How many documents have each value of a field, the most frequent value first, how many have
    null, and how many have no such field. `more` says whether there are other values.
    """

    values: list[tuple[str | float | bool, int]]
    null: int
    absent: int
    more: bool


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, best first; or groups, best first, where they are asked for. `plans` has each
    collection's own where several are searched, and `plan` sums them up. `rerank_tokens` are those
    of the tokens that a reranker read.
    """

    hits: list[Hit]
    plan: Plan
    tokens: int = 0
    cached_tokens: int = 0
    took_ms: float = 0.0
    groups: list[Group] | None = None
    facets: dict[str, FacetCounts] | None = None
    next_cursor: str | None = None
    plans: dict[str, Plan] | None = None
    rerank_tokens: int = 0


__all__ = [
    "DEFAULT_INCLUDE",
    "INCLUDABLE",
    "Condition",
    "Facet",
    "FacetCounts",
    "FieldGroups",
    "Found",
    "Group",
    "Hit",
    "Include",
    "MetadataFilter",
    "Path",
    "Plan",
    "Rerank",
    "SearchParams",
    "SearchResult",
    "Weights",
]
