"""What the ledger of use holds, and what is asked of it."""

import uuid
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class UsageKey:
    """For whom, and for what."""

    day: date
    user_id: int
    team_id: int | None
    token_id: int | None
    collection_id: uuid.UUID | None
    model: str

    def sorting(self) -> tuple[Any, ...]:
        """An order in which all processes write, so that none waits for another that waits."""
        missing = (self.team_id or 0, self.token_id or 0, str(self.collection_id or ""))
        return (self.day, self.user_id, *missing, self.model)


@dataclass(slots=True)
class Amounts:
    """How much of it."""

    requests: int = 0
    tokens: int = 0
    cached_tokens: int = 0
    compute_ms: float = 0.0
    documents: int = 0
    cost: Decimal = field(default_factory=Decimal)

    def add(self, more: "Amounts") -> None:
        """Make it so much more."""
        self.requests += more.requests
        self.tokens += more.tokens
        self.cached_tokens += more.cached_tokens
        self.compute_ms += more.compute_ms
        self.documents += more.documents
        self.cost += more.cost


class UsageField(StrEnum):
    """What rows of the ledger may be summed by."""

    DAY = "day"
    USER = "user"
    TEAM = "team"
    TOKEN = "token"  # noqa: S105 - no password
    COLLECTION = "collection"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """Days from `start` to `end`, both included; names that narrow, and what to sum by."""

    start: date
    end: date
    group_by: tuple[UsageField, ...]
    user: str | None = None
    team: str | None = None
    collection: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class UsageReport:
    """A row for each group, in the order of the groups, and the sum of all."""

    query: UsageQuery
    rows: list[dict[str, Any]]
    total: dict[str, Any]
