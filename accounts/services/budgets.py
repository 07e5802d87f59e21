"""How many tokens models may read for the accounts behind a request: reserved before the work, and
put right after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings
from django.utils import timezone

from accounts.allowance import Allowance
from accounts.exceptions import QuotaExceeded
from accounts.store import budgets as store
from accounts.store.budgets import Budget

KEPT = timedelta(days=93)
"""What was spent in older periods limits nothing; the ledger of usage knows it for ever."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A budget of which a share, in percent, was reached just now."""

    budget: Budget
    share: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Reservation:
    """Tokens that count as spent, whatever becomes of the work."""

    budgets: tuple[Budget, ...]
    tokens: int
    reached: tuple[Reached, ...]


def budgets_of(allowances: Sequence[Allowance], *, today: date | None = None) -> tuple[Budget, ...]:
    """The budgets of the present day and month, by UTC."""
    day = today or timezone.now().astimezone(UTC).date()
    found = []
    for each in allowances:
        if each.tokens_per_day is not None:
            found.append(Budget(each.account, "day", day, each.tokens_per_day))
        if each.tokens_per_month is not None:
            found.append(Budget(each.account, "month", day.replace(day=1), each.tokens_per_month))
    return tuple(found)


def reserve_tokens(*, budgets: tuple[Budget, ...], tokens: int) -> Reservation:
    """Count the tokens as spent of each budget; of none, where one has too few left.

    Raises QuotaExceeded, whose `reached` is as the reservation's.
    """
    spent = store.spend(budgets, tokens=tokens, shares=settings.EMBED.budget_alerts)
    reached = tuple(
        Reached(budget, share, now)
        for budget, share, now in zip(budgets, spent.reached, spent.tokens, strict=True)
        if share and budget.limit  # of a budget of nothing, nothing is ever reached
    )
    if spent.passed:
        return Reservation(budgets, tokens, reached)
    # Of those that refuse, the one that does so for longest.
    budget, now = max(
        (
            (budget, now)
            for budget, now in zip(budgets, spent.tokens, strict=True)
            if now + tokens > budget.limit
        ),
        key=lambda refusing: seconds_left(refusing[0]),
    )
    raise QuotaExceeded(
        kind=budget.kind,
        period=budget.period,
        limit=budget.limit,
        left=max(budget.limit - now, 0),
        needed=tokens,
        retry_after=seconds_left(budget),
        reached=reached,
    )


def settle_tokens(*, reservation: Reservation, tokens: int) -> None:
    """Put right what is spent: the work took so many tokens."""
    if tokens != reservation.tokens:
        store.adjust(reservation.budgets, tokens=tokens - reservation.tokens)


def seconds_left(budget: Budget) -> int:
    """Seconds until the period is over, at least 1."""
    if budget.period == "day":
        end = budget.start + timedelta(days=1)
    else:
        end = (budget.start + timedelta(days=31)).replace(day=1)
    left = datetime.combine(end, time(), tzinfo=UTC) - timezone.now()
    return max(1, int(left.total_seconds()) + 1)


def tokens_left(*, allowances: Sequence[Allowance]) -> list[tuple[Budget, int]]:
    """Each budget with what is left of it."""
    budgets = budgets_of(allowances)
    if not budgets:
        return []
    spent = store.spent_of(budgets)
    return [(each, max(each.limit - now, 0)) for each, now in zip(budgets, spent, strict=True)]


def forget_old_periods() -> int:
    """Delete what was spent in periods long past; returns how many of them."""
    return store.forget_before(timezone.now().date() - KEPT)
