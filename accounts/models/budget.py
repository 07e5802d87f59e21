"""How much of its token budgets an account has spent."""

from django.db import models


class SpentTokens(models.Model):
    """Of one account in one period: a day or a month of UTC, by its first day. What a request is
    expected to need counts from before its work on, and is put right afterwards.
    """

    account = models.CharField(max_length=32)
    period = models.CharField(max_length=5, choices=[(p, p) for p in ("day", "month")])
    start = models.DateField()
    tokens = models.BigIntegerField(default=0)
    told = models.SmallIntegerField(
        default=0, help_text="The highest share of the budget, in percent, that an alert told of."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "period", "start"], name="spent_tokens_once")
        ]

    def __str__(self) -> str:
        return f"{self.account}, {self.period} of {self.start}"
