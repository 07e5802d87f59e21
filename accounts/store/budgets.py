"""Token budgets in PostgreSQL; the function is in accounts/0005_limits.

Never in Redis, which may be emptied at any moment: a month's budget would begin anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from django.db import connection

Period = Literal["day", "month"]


@dataclass(frozen=True, slots=True)
class Budget:
    """What an account may spend in the period that begins with `start`."""

    account: str
    period: Period
    start: date
    limit: int

    @property
    def kind(self) -> str:
        """`user`, `team` or `token`."""
        return self.account.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Spent:
    """Whether the tokens fit all budgets; of each budget, what is spent now, and the share in
    percent that was reached just now and nobody was told of yet, else 0.
    """

    passed: bool
    tokens: Sequence[int]
    reached: Sequence[int]


def spend(budgets: Sequence[Budget], *, tokens: int, shares: Sequence[int]) -> Spent:
    """Take the tokens from each of the budgets, or, where one has too few left, from none. `shares`
    are the percentages of a budget that somebody wants to hear of.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT passed, spent, reached FROM accounts_spend_tokens("
            "%s::text[], %s::text[], %s::date[], %s::bigint[], %s::bigint, %s::smallint[])",
            [*_columns(budgets), [budget.limit for budget in budgets], tokens, list(shares)],
        )
        return Spent(*cursor.fetchone())


def adjust(budgets: Sequence[Budget], *, tokens: int) -> None:
    """Add the tokens, which may be negative, to what is spent of each budget."""
    with connection.cursor() as cursor:
        cursor.execute(_ADJUST, [*_columns(budgets), tokens])


def spent_of(budgets: Sequence[Budget]) -> list[int]:
    """What is spent of each budget."""
    with connection.cursor() as cursor:
        cursor.execute(_SPENT, _columns(budgets))
        return [int(tokens) for (tokens,) in cursor.fetchall()]


def forget_before(start: date) -> int:
    """Delete the periods that began before the day; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_spenttokens WHERE start < %s", [start])
        return int(cursor.rowcount)


def _columns(budgets: Sequence[Budget]) -> list[list[object]]:
    return [
        [budget.account for budget in budgets],
        [budget.period for budget in budgets],
        [budget.start for budget in budgets],
    ]


# Locked in the order in which accounts_spend_tokens locks them.
_ADJUST = """
    WITH locked AS (
        SELECT id FROM accounts_spenttokens WHERE (account, period, start) IN (
            SELECT * FROM unnest(%s::text[], %s::text[], %s::date[]))
        ORDER BY account, period, start FOR UPDATE
    )
    UPDATE accounts_spenttokens SET tokens = greatest(tokens + %s, 0)
    FROM locked WHERE accounts_spenttokens.id = locked.id"""
_SPENT = """
    SELECT coalesce(s.tokens, 0)
    FROM unnest(%s::text[], %s::text[], %s::date[])
        WITH ORDINALITY AS asked (account, period, start, n)
    LEFT JOIN accounts_spenttokens s USING (account, period, start) ORDER BY asked.n"""
