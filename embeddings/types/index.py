"""How an HNSW index is to be made, within pgvector's limits."""

from dataclasses import asdict, dataclass
from typing import Any, Self

from embeddings.constants import (
    HNSW_EF_CONSTRUCTION,
    HNSW_EF_CONSTRUCTION_RANGE,
    HNSW_M,
    HNSW_M_RANGE,
    STORAGE_MAX_DIMENSIONS,
    IndexStorage,
)
from embeddings.exceptions import InvalidIndex

RANGES = {"m": HNSW_M_RANGE, "ef_construction": HNSW_EF_CONSTRUCTION_RANGE}


@dataclass(frozen=True, slots=True)
class IndexChange:
    """What is asked of an index; None leaves it as it is."""

    m: int | None = None
    ef_construction: int | None = None
    storage: IndexStorage | None = None


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """Links of a node, candidates while building, and what the index holds of a vector."""

    m: int
    ef_construction: int
    storage: IndexStorage

    @classmethod
    def default(cls, *, dimensions: int) -> Self:
        """pgvector's own, on half precision; on signs where that has too many dimensions."""
        fits = dimensions <= STORAGE_MAX_DIMENSIONS[IndexStorage.HALFVEC]
        storage = IndexStorage.HALFVEC if fits else IndexStorage.BIT
        return cls(m=HNSW_M, ef_construction=HNSW_EF_CONSTRUCTION, storage=storage)

    @classmethod
    def of(cls, row: Any) -> Self:
        """Those of a Generation."""
        return cls(m=row.m, ef_construction=row.ef_construction, storage=IndexStorage(row.storage))

    def changed(self, change: IndexChange) -> "IndexSettings":
        """With the change made."""
        return IndexSettings(
            m=self.m if change.m is None else change.m,
            ef_construction=(
                self.ef_construction if change.ef_construction is None else change.ef_construction
            ),
            storage=self.storage if change.storage is None else change.storage,
        )

    def as_columns(self) -> dict[str, Any]:
        """By the names of Generation's columns."""
        return asdict(self) | {"storage": self.storage.value}


def check_index(*, settings: IndexSettings, dimensions: int) -> None:
    """Raises InvalidIndex, which names the field."""
    for name, (lowest, highest) in RANGES.items():
        if not lowest <= getattr(settings, name) <= highest:
            raise InvalidIndex(
                param=f"index.{name}", reason=f"{name} must be from {lowest} to {highest}."
            )
    if settings.ef_construction < 2 * settings.m:
        raise InvalidIndex(
            param="index.ef_construction",
            reason=f"ef_construction must be at least twice m, here {2 * settings.m}.",
        )
    limit = STORAGE_MAX_DIMENSIONS[settings.storage]
    if dimensions > limit:
        raise InvalidIndex(
            param="index.storage",
            reason=f"{settings.storage.value} holds up to {limit} dimensions;"
            f" the model's vectors have {dimensions}.",
        )
