"""What was done, by whom: rows that are only ever added."""

from enum import StrEnum

from django.db import models


class Outcome(StrEnum):
    """How an act ended."""

    SUCCESS = "success"
    DENIED = "denied"
    FAILURE = "failure"


class AuditEntry(models.Model):
    """One act. It refers to nothing, as it outlives what it tells of.

    The table, its partitions for each UTC day, its triggers and the tables of its chain are in the
    migration: nothing that Django does to models must empty it.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    user_id = models.BigIntegerField(null=True)
    username = models.TextField()
    token_id = models.BigIntegerField(null=True)
    credential = models.TextField(help_text="The kind of it, such as api_token.")
    address = models.TextField(help_text="Of the client.")
    request_id = models.TextField()
    event = models.TextField(help_text="Such as collection.create.")
    object_type = models.TextField()
    object_id = models.TextField()
    collection_id = models.UUIDField(null=True)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    outcome = models.TextField(choices=[(outcome.value, outcome.value) for outcome in Outcome])

    class Meta:
        managed = False
        db_table = "audit_entries"
        ordering = ["-at", "-id"]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.event} {self.object_id}"
