"""Rates in PostgreSQL, for where there is no Redis; the function is in accounts/0005_limits."""

from collections.abc import Sequence
from dataclasses import dataclass

from accounts.store.batch import Batch


@dataclass(frozen=True, slots=True)
class Rate:
    """`limit` requests at once, and one more each `interval_us` microseconds."""

    account: str
    limit: int
    interval_us: int

    @property
    def burst_us(self) -> int:
        """What a full bucket holds, in microseconds."""
        return self.limit * self.interval_us


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether the request passes, and how many microseconds each account's bucket needs now until
    it is full again.
    """

    passed: bool
    ahead_us: Sequence[int]


TAKE = b"SELECT passed, ahead FROM accounts_take_rates(%s::text[], %s::bigint[], %s::bigint[])"


def take(rates: Sequence[Rate], *, count: int = 1) -> Taken:
    """Take so many requests from each of the accounts, or, where one has fewer left, from none."""
    values = [
        [rate.account for rate in rates],
        [rate.interval_us * count for rate in rates],
        [rate.burst_us for rate in rates],
    ]
    batch = Batch()
    query = batch.queue(TAKE, values)
    batch.send()
    [(passed, ahead)] = query.rows()
    return Taken(passed, ahead)
