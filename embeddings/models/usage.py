"""The ledger of use: who has had how much of what done, a row for each day."""

from typing import Self

from django.conf import settings
from django.db import models

from accounts.policy import Action
from accounts.principal import Principal


class UsageQuerySet(models.QuerySet["Usage"]):
    """The one door to the ledger."""

    def visible_to(self, principal: Principal) -> Self:
        """The principal's own, or everyone's for who operates the service; of a credential's
        collections alone, where it is narrowed to some, and of its own use, where it is narrowed to
        some documents: what was added and stored besides counts others.
        """
        if not principal.in_scope(Action.USAGE):
            return self.none()
        rows = self
        if principal.collections is not None:
            rows = rows.filter(collection_id__in=principal.collections)
        if principal.row_filter is not None:
            return rows.filter(user_id=principal.user_id, token_id=principal.token_id or 0)
        if principal.may(Action.OPERATE):
            return rows
        return rows.filter(user_id=principal.user_id)


class Usage(models.Model):
    """What was done on one day, by UTC, for one user by one token with one model in one collection.

    It refers to what may be gone by now: a bill outlives who has to pay it. Ids are never used
    again, so a row is never another's.
    """

    day = models.DateField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    team = models.ForeignKey(
        "accounts.Team",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        related_name="+",
        help_text="Whose account it went on.",
    )
    token = models.ForeignKey(
        "accounts.ApiToken",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        related_name="+",
        verbose_name="API token",
    )
    collection = models.ForeignKey(
        "embeddings.Collection",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        related_name="+",
    )
    model = models.CharField(max_length=255)
    requests = models.BigIntegerField(default=0, help_text="Each search of a batch is one.")
    tokens = models.BigIntegerField(default=0, help_text="Of the texts, cached ones too.")
    cached_tokens = models.BigIntegerField(default=0, help_text="That no model had to read.")
    compute_ms = models.FloatField(default=0, help_text="Time that models took, waiting included.")
    documents = models.BigIntegerField(default=0, help_text="Added or changed.")
    storage_bytes = models.BigIntegerField(default=0, help_text="Of the collection, that day.")
    cost = models.DecimalField(
        max_digits=24, decimal_places=10, default=0, help_text="By the prices of that day."
    )

    objects = UsageQuerySet.as_manager()

    class Meta:
        db_table = "usage"
        ordering = ["-day", "id"]
        verbose_name_plural = "usage"
        constraints = [
            models.UniqueConstraint(
                fields=["day", "user", "team", "token", "collection", "model"],
                nulls_distinct=False,
                name="usage_once",
            )
        ]
        indexes = [models.Index(fields=["user", "day"], name="usage_of_user")]

    def __str__(self) -> str:
        return f"{self.day} {self.model}"
