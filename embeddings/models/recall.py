"""What a collection's index was last found to return."""

from django.db import models
from django.db.models.functions import Now


class RecallMeasurement(models.Model):
    """How much of the exact answers a collection's searches found, with or without a filter."""

    collection = models.ForeignKey(
        "embeddings.Collection", on_delete=models.CASCADE, related_name="recall_measurements"
    )
    filtered = models.BooleanField(help_text="Whether the searches had a filter.")
    recall = models.FloatField(help_text="Share of the exact answers that was found.")
    worst = models.FloatField(help_text="The same of the worst search.")
    top_k = models.PositiveSmallIntegerField()
    queries = models.PositiveIntegerField()
    approximate = models.PositiveIntegerField(help_text="Searches that used the index.")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "recall_measurements"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(recall__range=(0, 1), worst__range=(0, 1)),
                name="recall_is_a_share",
            )
        ]
        indexes = [
            models.Index(fields=["collection", "filtered", "-created_at"], name="recall_newest")
        ]

    def __str__(self) -> str:
        return f"{self.recall:.3f} of {self.queries} searches"
