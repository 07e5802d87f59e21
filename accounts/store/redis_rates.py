"""Rates in Redis. Beside the cache's, the only module that names it."""

import hmac
from collections.abc import Sequence
from functools import cache
from typing import Any

from django.conf import settings
from django_redis import get_redis_connection
from redis import Redis, RedisError

from accounts.store.rates import Rate, Taken

ALIAS = "shared"
"""The entry of CACHES."""

PREFIX = "embed:rate:"
"""Before a keyed hash of the account: several services may share a Redis."""

Unavailable = (RedisError, OSError)
"""What `take` raises when Redis does not answer, or does not as it should."""

TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local passed, ahead = 1, {}
for i, key in ipairs(KEYS) do
    local free_at, burst = tonumber(redis.call('GET', key) or 0), tonumber(ARGV[2 * i])
    if free_at > now + burst then
        free_at = now + burst
        redis.call('SET', key, string.format('%.0f', free_at), 'PX', math.ceil(burst / 1000))
    end
    ahead[i] = math.max(free_at - now, 0)
    if ahead[i] + ARGV[2 * i - 1] > burst then passed = 0 end
end
if passed == 1 then
    for i, key in ipairs(KEYS) do
        ahead[i] = ahead[i] + ARGV[2 * i - 1]
        redis.call('SET', key, string.format('%.0f', now + ahead[i]), 'PX',
            math.ceil(ahead[i] / 1000))
    end
end
return {passed, unpack(ahead)}"""
# Redis's own clock, so that all processes agree on the time; `tostring` would round it. Nothing is
# further ahead than an empty bucket, but by a clock that was set back.


def take(rates: Sequence[Rate], *, count: int = 1) -> Taken:
    """As rates.take. Raises one of Unavailable."""
    passed, *ahead = _script()(
        keys=[_key(rate.account) for rate in rates],
        args=[number for rate in rates for number in (rate.interval_us * count, rate.burst_us)],
        client=_client(),
    )
    return Taken(bool(passed), ahead)


def _key(account: str) -> str:
    secret = settings.EMBED.secret_key.get_secret_value()
    return PREFIX + hmac.new(f"rate {secret}".encode(), account.encode(), "sha256").hexdigest()[:32]


def _client() -> "Redis":
    client: Redis = get_redis_connection(ALIAS)
    return client


@cache
def _script() -> Any:
    return _client().register_script(TAKE)
