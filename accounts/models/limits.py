"""How much a user, a team or an API token may ask for."""

from typing import ClassVar

from django.core.validators import MinValueValidator
from django.db import models

from accounts.allowance import Allowance

LIMITS = {
    "requests_per_minute": 2**31 - 1,
    "tokens_per_day": 2**63 - 1,
    "tokens_per_month": 2**63 - 1,
}
"""The limits that there are, each with the largest number that its column holds."""


class Limits(models.Model):
    """Each is unlimited where it is empty; 0 allows nothing."""

    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    tokens_per_day = models.BigIntegerField(
        null=True, blank=True, validators=[MinValueValidator(0)], help_text="Tokens of texts."
    )
    tokens_per_month = models.BigIntegerField(
        null=True, blank=True, validators=[MinValueValidator(0)], help_text="Tokens of texts."
    )

    account_kind: ClassVar[str]

    class Meta:
        abstract = True

    @property
    def allowances(self) -> tuple[Allowance, ...]:
        """One, or none where nothing is limited, so that nobody looks for what is not there."""
        limits = (self.requests_per_minute, self.tokens_per_day, self.tokens_per_month)
        if limits == (None, None, None):
            return ()
        return (Allowance(f"{self.account_kind}:{self.pk}", *limits),)
