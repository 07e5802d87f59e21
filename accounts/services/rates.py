"""How often the accounts behind a request may call: counted before any work."""

import math
import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog
from django.conf import settings

from accounts.allowance import Allowance
from accounts.exceptions import RateLimited
from accounts.payer import Payer, bind_payer
from accounts.principal import Principal
from accounts.services import rate_leases
from accounts.store import rates as in_postgres
from accounts.store.rates import Rate, Taken

if TYPE_CHECKING:
    from rest_framework.request import Request

log = structlog.stdlib.get_logger("accounts.rates")

WINDOW_S = 60
WINDOW_US = WINDOW_S * 1_000_000

REDIS_PAUSE_S = 5.0
"""So long PostgreSQL counts after Redis did not answer: one request in so many seconds may lose
the time that it waits for Redis."""

_redis_again_at = 0.0


def check_rate(*, allowances: Sequence[Allowance]) -> dict[str, str]:
    """Take one request from each account with a limit, by the generic cell rate algorithm: as many
    as a minute has at once, then evenly; returns the headers that tell the caller where it stands,
    none without a limit. A refused request takes nothing.

    Raises RateLimited, with these headers too.
    """
    limited = [each for each in allowances if each.requests_per_minute is not None]
    if not limited:
        return {}
    for allowance in limited:
        if allowance.requests_per_minute == 0:
            raise RateLimited(kind=allowance.kind, limit=0, retry_after=WINDOW_S)
    rates = [_rate(allowance) for allowance in limited]
    taken = _take(rates)
    headers = _headers(limited, rates, taken)
    if taken.passed:
        return headers
    waits = [
        ahead + r.interval_us - r.burst_us for r, ahead in zip(rates, taken.ahead_us, strict=True)
    ]
    longest = max(range(len(waits)), key=waits.__getitem__)
    raise RateLimited(
        kind=limited[longest].kind,
        limit=rates[longest].limit,
        retry_after=max(1, math.ceil(waits[longest] / 1_000_000)),
        rate_headers=headers,
    )


def admit(request: "Request", *, principal: Principal) -> None:
    """Let the principal's request pass, on its account from now on; its answer, good or bad, tells
    where it stands. Raises RateLimited.
    """
    bind_payer(payer_of(principal))
    headers: dict[str, str] = {}
    try:
        headers = check_rate(allowances=principal.allowances)
    except RateLimited as refusal:
        headers = refusal.values.get("rate_headers", {})
        raise
    finally:
        if headers:
            request._request.rate_headers = headers  # type: ignore[attr-defined]


def payer_of(principal: Principal) -> Payer:
    """The accounts behind the principal."""
    return Payer(principal.user_id, principal.team_id, principal.token_id, principal.allowances)


def _rate(allowance: Allowance) -> Rate:
    limit = allowance.requests_per_minute or 0
    return Rate(allowance.account, limit, max(1, WINDOW_US // limit))


def _take(rates: Sequence[Rate]) -> Taken:
    spent = rate_leases.spend(rates)
    if spent is not None:
        return spent
    count = rate_leases.lease_size(rates)
    if count > 1:
        taken = _take_from_store(rates, count)
        if taken.passed:
            return rate_leases.keep(rates, taken, unspent=count - 1)
    return _take_from_store(rates, 1)


def _take_from_store(rates: Sequence[Rate], count: int) -> Taken:
    """In Redis where there is one that answers. The two know nothing of each other: when Redis goes
    or comes back, every bucket is full once more.
    """
    global _redis_again_at
    if settings.EMBED.redis_url is None or time.monotonic() < _redis_again_at:
        return in_postgres.take(rates, count=count)
    from accounts.store import redis_rates as in_redis  # importing redis costs 0.1 s of a start

    try:
        return in_redis.take(rates, count=count)
    except in_redis.Unavailable as error:
        _redis_again_at = time.monotonic() + REDIS_PAUSE_S
        log.warning("rates_lost_redis", error=type(error).__name__)
        return in_postgres.take(rates, count=count)


def _headers(
    allowances: Sequence[Allowance], rates: Sequence[Rate], taken: Taken
) -> dict[str, str]:
    """As draft-ietf-httpapi-ratelimit-headers-10 has them: of each policy its quota and window, how
    much is left, and in how many seconds all of it is back.
    """
    policies, states = [], []
    seen: Counter[str] = Counter()
    for allowance, rate, ahead in zip(allowances, rates, taken.ahead_us, strict=True):
        seen[allowance.kind] += 1
        nth = seen[allowance.kind]  # a token's, then those of the tokens that it was minted by
        name = allowance.kind if nth == 1 else f"{allowance.kind}-{nth}"
        left = (rate.burst_us - ahead) // rate.interval_us
        policies.append(f'"{name}";q={rate.limit};w={WINDOW_S}')
        states.append(f'"{name}";r={left};t={math.ceil(ahead / 1_000_000)}')
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(states)}
