"""The options that were changed without a restart."""

from django.db import models
from django.db.models.functions import Now


class LiveSettings(models.Model):
    """One row for all processes; who changed what is in the audit."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    options = models.JSONField(default=dict, help_text="Of the options that are set, by name.")
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "live_settings"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="live_settings_once")]

    def __str__(self) -> str:
        return ", ".join(sorted(self.options))
