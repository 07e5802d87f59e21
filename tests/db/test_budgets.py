"""Token budgets: reserved before the work, exact under concurrency, told of when they run out."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from functools import partial

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.allowance import Allowance
from accounts.exceptions import QuotaExceeded
from accounts.models import AuditEntry, SpentTokens
from accounts.payer import Payer, paying
from accounts.services.budgets import (
    budgets_of,
    forget_old_periods,
    reserve_tokens,
    seconds_left,
    settle_tokens,
    tokens_left,
)
from embeddings.exceptions import CallerGone, EngineUnavailable
from embeddings.services.budgets import charged
from tests.log_capture import capture_logs

pytestmark = pytest.mark.django_db

TODAY = date(2026, 2, 14)


def allowance(name: str, day: int | None = None, month: int | None = None) -> Allowance:
    return Allowance(f"user:{name}", tokens_per_day=day, tokens_per_month=month)


def spent(name: str) -> dict[str, int]:
    rows = SpentTokens.objects.filter(account=f"user:{name}")
    return dict(rows.values_list("period", "tokens"))


def test_it_works() -> None:
    found = budgets_of([allowance("works", day=100, month=150)], today=TODAY)
    first = reserve_tokens(budgets=found, tokens=80)
    settle_tokens(reservation=first, tokens=60)
    reserve_tokens(budgets=found, tokens=40)
    with pytest.raises(QuotaExceeded) as refusal:
        reserve_tokens(budgets=found, tokens=1)
    assert spent("works") == {"day": 100, "month": 100}
    assert refusal.value.values["period"] == "day"
    assert refusal.value.values["left"] == 0

    tomorrow = budgets_of([allowance("works", day=100, month=150)], today=date(2026, 2, 15))
    reserve_tokens(budgets=tomorrow, tokens=50)
    with pytest.raises(QuotaExceeded) as refusal:
        reserve_tokens(budgets=tomorrow, tokens=10)
    assert (refusal.value.status, refusal.value.code) == (429, "quota_exceeded")
    assert refusal.value.values["period"] == "month"
    assert int(refusal.value.headers["Retry-After"]) >= 1
    assert spent("works")["month"] == 150


def test_a_refusal_takes_from_no_budget() -> None:
    roomy, full = allowance("roomy", month=1000), allowance("full", day=10)
    found = budgets_of([roomy, full])
    for _ in range(2):
        with pytest.raises(QuotaExceeded):
            reserve_tokens(budgets=found, tokens=11)
    assert spent("roomy") == {"month": 0}
    reserve_tokens(budgets=found, tokens=10)


@pytest.mark.parametrize(
    ("period", "now", "seconds"),
    [
        ("day", datetime(2026, 2, 14, 23, 59, 30, tzinfo=UTC), 31),
        ("month", datetime(2026, 2, 28, 23, 59, 30, tzinfo=UTC), 31),
        ("month", datetime(2026, 2, 1, tzinfo=UTC), 28 * 86_400 + 1),
    ],
    ids=["day", "end-of-month", "month"],
)
def test_a_period_ends_at_midnight(
    monkeypatch: pytest.MonkeyPatch, period: str, now: datetime, seconds: int
) -> None:
    monkeypatch.setattr(timezone, "now", lambda: now)
    both = budgets_of([allowance("ends", day=1, month=1)])
    assert [each.start for each in both] == [now.date(), now.date().replace(day=1)]
    assert seconds_left(next(each for each in both if each.period == period)) == seconds


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(3))
def test_parallel_work_never_exceeds_a_budget(attempt: int) -> None:
    both = [allowance("parallel", day=100), allowance("parallel-too", month=1000)]
    together = threading.Barrier(20)

    def work(number: int) -> bool:
        if number < together.parties:
            together.wait()
        try:
            reserve_tokens(budgets=budgets_of(both if number % 2 else both[::-1]), tokens=10)
        except QuotaExceeded:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(together.parties) as pool:
        outcomes = list(pool.map(work, range(100)))
    assert outcomes.count(True) == 10
    assert spent("parallel") == {"day": 100}
    assert spent("parallel-too") == {"month": 100}


@pytest.mark.django_db(transaction=True)
def test_who_comes_second_waits_for_the_first() -> None:
    found = budgets_of([allowance("second", day=100)])
    reserve_tokens(budgets=found, tokens=5)

    def second() -> bool:
        try:
            reserve_tokens(budgets=found, tokens=90)
        except QuotaExceeded:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            reserve_tokens(budgets=found, tokens=90)
            waiting = pool.submit(second)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
        assert not waiting.result(timeout=60)
    assert spent("second") == {"day": 95}


def test_what_is_left() -> None:
    mine = allowance("left", day=10, month=100)
    assert tokens_left(allowances=[]) == []
    reserve_tokens(budgets=budgets_of([mine]), tokens=4)
    assert [(each.period, left) for each, left in tokens_left(allowances=[mine])] == [
        ("day", 6),
        ("month", 96),
    ]


def test_old_periods_are_forgotten() -> None:
    reserve_tokens(budgets=budgets_of([allowance("old", day=5)], today=date(2020, 1, 1)), tokens=1)
    reserve_tokens(budgets=budgets_of([allowance("old", day=5)]), tokens=1)
    assert forget_old_periods() == 1
    assert SpentTokens.objects.filter(account="user:old").count() == 1


def charge(payer: Payer | None, tokens: int, work: Callable[[], int]) -> int:
    with paying(payer):
        return charged(count=lambda: tokens, work=work, tokens=lambda done: done)


def test_work_is_charged_by_what_it_took() -> None:
    payer = Payer(7, allowances=(allowance("charged", day=100),))
    assert charge(payer, 50, lambda: 30) == 30
    assert spent("charged") == {"day": 30}
    assert payer.take_compute() > 0
    assert payer.take_compute() == 0


def failing(error: Exception) -> Callable[[], int]:
    def work() -> int:
        raise error

    return work


def test_work_that_failed_costs_nothing_and_hanging_up_does() -> None:
    payer = Payer(7, allowances=(allowance("failed", day=100),))
    with pytest.raises(EngineUnavailable):
        charge(payer, 50, failing(EngineUnavailable()))
    assert spent("failed") == {"day": 0}
    with pytest.raises(CallerGone):
        charge(payer, 50, failing(CallerGone()))
    assert spent("failed") == {"day": 50}


def test_no_work_is_begun_that_does_not_fit() -> None:
    payer = Payer(7, allowances=(allowance("fits", day=10),))
    with pytest.raises(QuotaExceeded):
        charge(payer, 11, failing(AssertionError("it was begun")))


def test_without_a_budget_nobody_counts() -> None:
    def count() -> int:
        raise AssertionError("it was counted")

    for payer in (None, Payer(7), Payer(7, allowances=(Allowance("user:7", 5),))):
        with paying(payer):
            assert charged(count=count, work=lambda: 3, tokens=lambda done: done) == 3


def test_each_share_is_told_once() -> None:
    payer = Payer(7, allowances=(allowance("told", day=100, month=100_000),))
    with capture_logs() as log:
        for tokens in (49, 1, 20, 20):
            charge(payer, tokens, partial(int, tokens))
        for _ in range(2):
            with pytest.raises(QuotaExceeded):
                charge(payer, 20, lambda: 20)
    told = log.named("budget_reached")
    assert [(line["percent"], line["spent"]) for line in told] == [(50, 50), (80, 90), (100, 90)]
    assert {line["account"] for line in told} == {"user:told"}
    entries = AuditEntry.objects.filter(event="budget.reach", object_id="told").order_by("id")
    assert [dict(entry.after or {})["percent"] for entry in entries] == [50, 80, 100]


def test_a_leap_over_shares_is_told_as_one() -> None:
    found = budgets_of([allowance("leap", day=100)])
    assert [each.share for each in reserve_tokens(budgets=found, tokens=95).reached] == [80]


def test_a_budget_of_nothing_allows_nothing_and_tells_nobody() -> None:
    found = budgets_of([allowance("nothing", day=0)])
    with pytest.raises(QuotaExceeded) as refusal:
        reserve_tokens(budgets=found, tokens=1)
    assert refusal.value.values["reached"] == ()
    assert reserve_tokens(budgets=found, tokens=0).reached == ()
