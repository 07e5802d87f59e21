"""Requests taken ahead of their callers: who may call often asks the store seldom.

What a process holds is off the account's bucket already, so that all processes together let no
request too many pass; what it does not spend in time is lost to the account.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from cachetools import TTLCache

from accounts.store.rates import Rate, Taken

SHARE = 600
"""A process holds at most this part of what an account may ask for in a minute: a small limit is
counted request by request."""

MOST = 100
"""More would save no time worth having."""

GOOD_FOR_S = 1.0


@dataclass(slots=True)
class Lease:
    """`ahead_us` is where the buckets stand once all of it is spent."""

    ahead_us: Sequence[int]
    unspent: int
    since: float


_leases: TTLCache[tuple[Rate, ...], Lease] = TTLCache(10_000, ttl=GOOD_FOR_S, timer=monotonic)
_lock = threading.Lock()


def lease_size(rates: Sequence[Rate]) -> int:
    """How many requests to take at once."""
    return max(1, min(MOST, *(rate.limit // SHARE for rate in rates)))


def keep(rates: Sequence[Rate], taken: Taken, *, unspent: int) -> Taken:
    """The first of the requests that were taken; the others are for `spend`."""
    lease = Lease(taken.ahead_us, unspent, since=monotonic())
    with _lock:
        _leases[tuple(rates)] = lease
        return _state(rates, lease, now=lease.since)


def spend(rates: Sequence[Rate]) -> Taken | None:
    """One of the requests that were taken before; None without any."""
    with _lock:
        lease = _leases.get(tuple(rates))
        if lease is None or not lease.unspent:
            return None
        lease.unspent -= 1
        return _state(rates, lease, now=monotonic())


def forget_leases() -> None:
    """Ask the store from the next request on."""
    with _lock:
        _leases.clear()


def _state(rates: Sequence[Rate], lease: Lease, *, now: float) -> Taken:
    """As the store would say it, had it been asked for each request alone."""
    passed_us = int((now - lease.since) * 1_000_000)
    ahead_us = [
        max(0, ahead - lease.unspent * rate.interval_us - passed_us)
        for rate, ahead in zip(rates, lease.ahead_us, strict=True)
    ]
    return Taken(passed=True, ahead_us=ahead_us)
