"""Requests per minute: exact under concurrency, in Redis and in PostgreSQL."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cachetools import TTLCache
from django.db import connection
from pydantic import SecretStr

from accounts.allowance import Allowance
from accounts.exceptions import RateLimited
from accounts.services import rate_leases
from accounts.services import rates as service
from accounts.services.rates import check_rate
from accounts.store import rates, redis_rates
from accounts.store.rates import Rate, Taken
from tests.redis_server import RedisServer
from tests.statements import recorded_statements

CALLS = 100
LIMIT = 10
DAY_S = 86_400


@pytest.fixture(autouse=True)
def _redis_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(service, "_redis_again_at", 0.0)
    monkeypatch.setattr(service, "REDIS_PAUSE_S", 3600.0)
    redis_rates._script.cache_clear()
    yield
    redis_rates._script.cache_clear()


@pytest.fixture(params=["postgres", "redis"])
def counted_in(request: pytest.FixtureRequest) -> str:
    if request.param == "redis":
        request.getfixturevalue("shared_cache")
    return str(request.param)


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket takes a day to fill, so that none gets anything back while a test counts, and what
    a process holds is good until then.
    """
    monkeypatch.setattr(service, "WINDOW_US", DAY_S * 1_000_000)
    monkeypatch.setattr(rate_leases, "_leases", TTLCache(10, ttl=DAY_S))


def seconds(text: str) -> int:
    """The number at the end of a header."""
    return int(text.rpartition("=")[2])


def passed(*allowances: Allowance) -> bool:
    try:
        check_rate(allowances=allowances)
    except RateLimited:
        return False
    return True


@pytest.mark.django_db
def test_it_works(counted_in: str) -> None:
    allowance = Allowance(f"user:works-{counted_in}", requests_per_minute=2)

    first = check_rate(allowances=[allowance])
    second = check_rate(allowances=[allowance])
    with pytest.raises(RateLimited) as refusal:
        check_rate(allowances=[allowance])

    assert first == {"RateLimit-Policy": '"user";q=2;w=60', "RateLimit": '"user";r=1;t=30'}
    # Less what the test has taken until then.
    assert second["RateLimit"].startswith('"user";r=0;t=')
    assert 30 < seconds(second["RateLimit"]) <= 60
    wait = refusal.value.headers["Retry-After"]
    assert 1 < int(wait) <= 30
    assert refusal.value.values["rate_headers"]["RateLimit"].startswith('"user";r=0;t=')
    assert refusal.value.detail == (
        f"This user may make 2 requests a minute. Try again in {wait} seconds."
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(3))
def test_of_100_parallel_calls_at_a_limit_of_10_exactly_10_pass(
    counted_in: str, attempt: int, slowly: None
) -> None:
    both = (
        Allowance(f"user:parallel-{counted_in}-{attempt}", requests_per_minute=LIMIT),
        Allowance(f"token:parallel-{counted_in}-{attempt}", requests_per_minute=50),
    )
    together = threading.Barrier(20)

    def call(number: int) -> bool:
        if number < together.parties:
            together.wait()
        try:
            # In any order: nobody may wait for somebody who waits for him.
            return passed(*(both if number % 2 else reversed(both)))
        finally:
            connection.close()

    with ThreadPoolExecutor(together.parties) as pool:
        outcomes = list(pool.map(call, range(CALLS)))

    assert outcomes.count(True) == LIMIT


@pytest.mark.django_db
def test_a_refused_request_takes_nothing(counted_in: str, slowly: None) -> None:
    user = Allowance(f"user:refused-{counted_in}", requests_per_minute=3)
    team = Allowance(f"team:refused-{counted_in}", requests_per_minute=1)
    assert passed(user, team)
    assert [passed(user, team) for _ in range(5)] == [False] * 5
    assert [passed(user) for _ in range(3)] == [True, True, False]


@pytest.mark.django_db
def test_it_names_who_has_to_wait_longest(counted_in: str) -> None:
    user = Allowance(f"user:longest-{counted_in}", requests_per_minute=60)
    token = Allowance(f"token:longest-{counted_in}", requests_per_minute=1)
    check_rate(allowances=[user, token])
    with pytest.raises(RateLimited) as refusal:
        check_rate(allowances=[user, token])
    assert refusal.value.values["kind"] == "token"
    assert 30 < int(refusal.value.headers["Retry-After"]) <= 60


@pytest.mark.django_db
def test_a_bucket_fills_again(counted_in: str) -> None:
    fast = Allowance(f"user:fills-{counted_in}", requests_per_minute=6000)
    assert all(passed(fast) for _ in range(50))
    rate = Rate(fast.account, 6000, 10_000)
    store = redis_rates if counted_in == "redis" else rates
    # Fifty took half a second of a minute's bucket; it is full again after as long.
    assert 0 < store.take([rate]).ahead_us[0] <= 51 * 10_000


@pytest.mark.django_db
def test_a_clock_that_was_set_back_makes_nobody_wait_for_longer(
    counted_in: str, request: pytest.FixtureRequest
) -> None:
    rate = Rate(f"user:set-back-{counted_in}", 2, 25_000)
    later = int((time.time() + 3600) * 1_000_000)
    store = redis_rates if counted_in == "redis" else rates
    assert store.take([rate]).passed
    if counted_in == "redis":
        server: RedisServer = request.getfixturevalue("shared_cache")
        server.client().set(redis_rates._key(rate.account), later)
    else:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE accounts_rate SET free_at = %s WHERE account = %s", [later, rate.account]
            )
    refused = store.take([rate])
    assert (refused.passed, list(refused.ahead_us)) == (False, [rate.burst_us])
    time.sleep(rate.burst_us / 1_000_000)
    assert store.take([rate]).passed


@pytest.mark.django_db
def test_a_limit_may_be_as_large_as_the_database_holds(counted_in: str) -> None:
    allowance = Allowance(f"user:large-{counted_in}", requests_per_minute=2**31 - 1)
    headers = check_rate(allowances=[allowance])
    assert headers["RateLimit"] == '"user";r=2147483646;t=1'


@pytest.mark.django_db
def test_services_may_share_a_redis(shared_cache: RedisServer, settings: Any, slowly: None) -> None:
    allowance = Allowance("user:7", requests_per_minute=1)
    assert [passed(allowance) for _ in range(2)] == [True, False]
    other = {"secret_key": SecretStr("another service's")}
    settings.EMBED = settings.EMBED.model_copy(update=other)
    assert passed(allowance)
    assert not [key for key in shared_cache.client().scan_iter() if b"user" in key]


@pytest.mark.django_db
def test_nobody_counts_what_is_not_limited() -> None:
    with recorded_statements() as statements:
        assert check_rate(allowances=[]) == {}
        assert check_rate(allowances=[Allowance("user:7", tokens_per_day=5)]) == {}
        with pytest.raises(RateLimited) as refusal:
            check_rate(allowances=[Allowance("user:7", requests_per_minute=0)])
    assert statements == []
    assert refusal.value.headers == {"Retry-After": "60"}


@pytest.mark.django_db
def test_a_dead_redis_is_asked_once_in_a_while(
    shared_cache: RedisServer, monkeypatch: pytest.MonkeyPatch, slowly: None
) -> None:
    allowance = Allowance("user:dead", requests_per_minute=2)
    assert passed(allowance)
    shared_cache.kill()
    asked = []
    take = redis_rates.take

    def counted(rates: Sequence[Rate], *, count: int) -> Taken:
        asked.append(rates)
        return take(rates, count=count)

    monkeypatch.setattr(redis_rates, "take", counted)

    # PostgreSQL knows nothing of what Redis has counted.
    assert [passed(allowance) for _ in range(3)] == [True, True, False]
    assert len(asked) == 1

    shared_cache.start()
    monkeypatch.setattr(service, "_redis_again_at", 0.0)
    assert passed(allowance)
    assert len(asked) == 2


@pytest.mark.django_db
def test_a_large_limit_is_counted_by_the_second_and_not_passed(
    counted_in: str, slowly: None
) -> None:
    large = Allowance(f"user:often-{counted_in}", requests_per_minute=1_200)
    first = check_rate(allowances=[large])
    with recorded_statements() as statements:
        second = check_rate(allowances=[large])
    assert statements == []
    assert first["RateLimit"] == '"user";r=1199;t=72'
    assert second["RateLimit"].startswith('"user";r=1198;t=')
    assert 72 < seconds(second["RateLimit"]) <= 144

    # Another process has most of it: of what it leaves, one more than this process holds ahead.
    store = redis_rates if counted_in == "redis" else rates
    rate = Rate(large.account, 1_200, service.WINDOW_US // 1_200)
    assert store.take([rate], count=1_197).passed
    assert not store.take([rate], count=2).passed
    assert passed(large)
    assert not passed(large)


@pytest.mark.django_db
def test_what_is_not_spent_in_time_is_lost(
    counted_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = Allowance(f"user:lost-{counted_in}", requests_per_minute=1_200)
    check_rate(allowances=[large])
    monkeypatch.setattr(rate_leases, "_leases", TTLCache(10, ttl=0))
    assert rate_leases.spend([Rate(large.account, 1_200, 50_000)]) is None


@pytest.mark.django_db
def test_a_lease_is_of_its_very_limits(counted_in: str) -> None:
    user = Allowance(f"user:very-{counted_in}", requests_per_minute=6_000)
    team = Allowance(f"team:very-{counted_in}", requests_per_minute=6_000)
    check_rate(allowances=[user])
    for others in ([user, team], [Allowance(user.account, requests_per_minute=1_200)]):
        if counted_in == "postgres":
            with recorded_statements() as statements:
                check_rate(allowances=others)
            assert len(statements) == 1
