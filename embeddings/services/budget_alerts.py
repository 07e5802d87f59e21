"""Who hears that a share of a token budget is used up: the audit, the log, webhooks."""

from collections.abc import Iterable

from django.db import transaction

from accounts.services.audit import record
from accounts.services.budgets import Reached
from embeddings.services.webhooks import announce
from embeddings.telemetry import log

EVENT = "budget.reach"


def tell_of_budgets(reached: Iterable[Reached]) -> None:
    """Once for each share of each budget in each of its periods, which `reached` sees to."""
    for each in reached:
        kind, _, key = each.budget.account.partition(":")
        values = {
            "period": each.budget.period,
            "start": each.budget.start.isoformat(),
            "percent": each.share,
            "spent": each.tokens,
            "limit": each.budget.limit,
        }
        log.warning("budget_reached", account=each.budget.account, **values)
        with transaction.atomic():
            record(event=EVENT, object_type=kind, object_id=key, after=values)
            announce(event=EVENT, data={"account": each.budget.account, **values})
