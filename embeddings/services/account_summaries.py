"""What operators ask about a user, a team or an API token: what it has, uses, and has left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.allowance import Allowance
from accounts.models import ApiToken, Team, User
from accounts.principal import Principal
from accounts.second_factor import is_enrolled
from accounts.services.budgets import tokens_left
from embeddings.models import Collection, Grant
from embeddings.services.usage_report import usage_report
from embeddings.types.usage import UsageQuery

SHOWN = 10


@dataclass(frozen=True, slots=True)
class BudgetUse:
    """Of the present `day` or `month`, by UTC."""

    period: str
    used: int
    limit: int

    @property
    def percent(self) -> int:
        """Of a budget of nothing, all."""
        return 100 * self.used // self.limit if self.limit else 100


@dataclass(frozen=True, slots=True)
class TokenSummary:
    """`minted` counts the live tokens that it made."""

    is_live: bool
    minted: int
    budgets: list[BudgetUse]


@dataclass(frozen=True, slots=True)
class UserSummary:
    """The first SHOWN of the newest tokens and grants; `use` are sums of this month, as
    /v1/usage has them, and `active_at` is a login or the use of a token.
    """

    live_tokens: int
    tokens: list[ApiToken]
    grants: list[Grant]
    collections: int
    active_at: datetime | None
    has_second_factor: bool
    budgets: list[BudgetUse]
    use: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TeamSummary:
    """As UserSummary; the use is what went on the team's account."""

    grants: list[Grant]
    budgets: list[BudgetUse]
    use: dict[str, Any]


def budget_uses(*, allowances: Sequence[Allowance]) -> list[BudgetUse]:
    """Of each budget that there is."""
    return [
        BudgetUse(budget.period, budget.limit - left, budget.limit)
        for budget, left in tokens_left(allowances=allowances)
    ]


def token_summary(*, token: ApiToken) -> TokenSummary:
    """Of one token."""
    return TokenSummary(
        is_live=token.is_live(timezone.now()),
        minted=ApiToken.objects.filter(ancestors__contains=[token.pk]).live().count(),
        budgets=budget_uses(allowances=token.allowances),
    )


def user_summary(*, principal: Principal, user: User) -> UserSummary:
    """As far as the principal may see the user's use."""
    tokens = ApiToken.objects.filter(user=user)
    used = tokens.exclude(last_used_at=None).order_by("-last_used_at")
    times = [user.last_login, used.values_list("last_used_at", flat=True).first()]
    return UserSummary(
        live_tokens=tokens.live().count(),
        tokens=list(tokens.live().order_by("-pk")[:SHOWN]),
        grants=_newest(Grant.objects.filter(user=user)),
        collections=Collection.objects.filter(owner=user).count(),
        active_at=max((time for time in times if time is not None), default=None),
        has_second_factor=is_enrolled(user=user),
        budgets=budget_uses(allowances=user.allowances),
        use=_use(principal, user=user.username),
    )


def team_summary(*, principal: Principal, team: Team) -> TeamSummary:
    """As far as the principal may see the team's use."""
    return TeamSummary(
        grants=_newest(Grant.objects.filter(team=team)),
        budgets=budget_uses(allowances=team.allowances),
        use=_use(principal, team=team.name),
    )


def _newest(grants: Any) -> list[Grant]:
    return list(grants.select_related("collection").order_by("-pk")[:SHOWN])


def _use(principal: Principal, **of: str) -> dict[str, Any]:
    today = timezone.now().date()
    query = UsageQuery(start=today.replace(day=1), end=today, group_by=(), **of)
    return usage_report(principal=principal, query=query).total
