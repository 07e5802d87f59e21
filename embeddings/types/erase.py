"""What an erasure did, and what it could not do."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Remainder:
    """What is still somewhere, until when, and the command that ends it sooner, if one does."""

    what: str
    until: str
    command: str | None = None


@dataclass(slots=True)
class Erasure:
    """How many of each kind are gone. `vectors` and `searches` are entries of the cache, of this
    process and of Redis, None where Redis did not answer; `lines` those of imports that had not
    been stored yet.
    """

    documents: int = 0
    chunks: int = 0
    lines: int = 0
    refusals: int = 0
    jobs: int = 0
    queries: int = 0
    vectors: int | None = 0
    searches: int | None = 0
    collections: int = 0
    tokens: int = 0
    grants: int = 0
    sessions: int = 0
    remains: list[Remainder] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """ErasureResponse."""
        return asdict(self)
