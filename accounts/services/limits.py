"""Whoever has limits, with what is used of their budgets."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import ApiToken, Team, User
from accounts.models.limits import LIMITS
from accounts.services.budgets import tokens_left

LOOKED_AT = 1_000
"""Of users, teams and live tokens each, the newest."""


@dataclass(frozen=True, slots=True)
class Limited:
    """A `user`, `team` or `token` and its limits; what is used is None where there is no budget."""

    kind: str
    pk: int
    name: str
    requests_per_minute: int | None
    tokens_per_day: int | None
    tokens_per_month: int | None
    used_today: int | None
    used_this_month: int | None

    @property
    def share(self) -> float:
        """The largest used part of a budget; 1 of a budget of nothing."""
        pairs = (
            (self.used_today, self.tokens_per_day),
            (self.used_this_month, self.tokens_per_month),
        )
        parts = [used / limit if limit else 1.0 for used, limit in pairs if used is not None]
        return max(parts, default=0.0)


def limited_accounts() -> list[Limited]:
    """Who has used most of a budget comes first."""
    rows = [*_limited(User.objects.all()), *_limited(Team.objects.all())]
    rows += _limited(ApiToken.objects.live())
    allowances = [allowance for row in rows for allowance in row.allowances]
    used: dict[str, dict[str, int]] = {}
    for budget, left in tokens_left(allowances=allowances):
        used.setdefault(budget.account, {})[budget.period] = budget.limit - left
    found = [_shown(row, used.get(f"{row.account_kind}:{row.pk}", {})) for row in rows]
    return sorted(found, key=lambda each: (-each.share, each.kind, each.name))


def _limited(rows: QuerySet[Any]) -> Iterator[Any]:
    any_limit = Q()
    for name in LIMITS:
        any_limit |= Q(**{f"{name}__isnull": False})
    yield from rows.filter(any_limit).order_by("-pk")[:LOOKED_AT]


def _shown(row: Any, used: dict[str, int]) -> Limited:
    return Limited(
        kind=row.account_kind,
        pk=row.pk,
        name=row.username if isinstance(row, User) else row.name,
        **{name: getattr(row, name) for name in LIMITS},
        used_today=used.get("day"),
        used_this_month=used.get("month"),
    )
