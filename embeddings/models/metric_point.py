"""The service's numbers over time."""

from django.db import models


class MetricPoint(models.Model):
    """What one series came to in one step: the sum of what each process counted, or saw."""

    pk = models.CompositePrimaryKey("name", "step", "seconds", "label")
    name = models.TextField()
    step = models.DateTimeField(help_text="Its beginning.")
    seconds = models.SmallIntegerField(help_text="Its length.")
    label = models.TextField(default="", help_text="What tells apart values of one series.")
    value = models.FloatField()
    steps = models.SmallIntegerField(default=1, help_text="How many minutes the value sums.")

    class Meta:
        db_table = "metric_points"

    def __str__(self) -> str:
        return f"{self.name} {self.step:%F %R}"
