"""How much a user, a team or an API token may ask for."""

from django.core.validators import MinValueValidator
from django.db import models


class Limits(models.Model):
    """Each is unlimited where it is empty; 0 allows nothing."""

    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    tokens_per_day = models.BigIntegerField(
        null=True, blank=True, validators=[MinValueValidator(0)], help_text="Tokens of texts."
    )
    tokens_per_month = models.BigIntegerField(
        null=True, blank=True, validators=[MinValueValidator(0)], help_text="Tokens of texts."
    )

    class Meta:
        abstract = True
