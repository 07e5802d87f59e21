"""Work of models, charged to whoever it is done for."""

import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from accounts.exceptions import QuotaExceeded
from accounts.payer import Payer, current_payer
from accounts.services.budgets import (
    Reached,
    Reservation,
    budgets_of,
    reserve_tokens,
    settle_tokens,
)
from embeddings.exceptions import CallerGone
from embeddings.services.budget_alerts import tell_of_budgets

Done = TypeVar("Done")


def charged(
    *, count: Callable[[], int], work: Callable[[], Done], tokens: Callable[[Done], int]
) -> Done:
    """What `work` returns, on the account of the present payer. Where that has token budgets, what
    `count` expects is reserved before the work, and put right by what `tokens` says of its outcome.

    Raises QuotaExceeded, before any work, and what `work` raises.
    """
    payer = current_payer()
    if payer is None:
        return work()
    reservation = _reserved(payer, count)
    started = time.perf_counter()
    try:
        done = work()
    except CallerGone:
        raise  # who hangs up pays for what was asked: most of it may have been done
    except Exception:
        if reservation is not None:
            settle_tokens(reservation=reservation, tokens=0)
        raise
    finally:
        payer.compute_ms += (time.perf_counter() - started) * 1000
    if reservation is not None:
        settle_tokens(reservation=reservation, tokens=tokens(done))
    return done


def _reserved(payer: Payer, count: Callable[[], int]) -> Reservation | None:
    budgets = budgets_of(payer.allowances)
    if not budgets:
        return None
    reached: Iterable[Reached] = ()
    try:
        reservation = reserve_tokens(budgets=budgets, tokens=count())
        reached = reservation.reached
    except QuotaExceeded as refusal:
        reached = refusal.values["reached"]
        raise
    finally:
        tell_of_budgets(reached)
    return reservation
