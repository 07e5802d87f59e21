"""One embedding of a whole collection by one model."""

from django.db import models
from django.db.models.functions import Now

from embeddings.constants import (
    HNSW_EF_CONSTRUCTION,
    HNSW_M,
    MAX_DIMENSIONS,
    GenerationState,
    IndexState,
    IndexStorage,
    Metric,
)


class Generation(models.Model):
    """What made the vectors of a collection; its chunks live in a partition of their own."""

    collection = models.ForeignKey(
        "embeddings.Collection", on_delete=models.CASCADE, related_name="generations"
    )
    model = models.CharField(max_length=200)
    fingerprint = models.CharField(
        max_length=64, help_text="Identity of the result: weights, dimensions, prompts, precision."
    )
    dimensions = models.PositiveIntegerField()
    metric = models.CharField(max_length=8, choices=[(m.value, m.value) for m in Metric])
    state = models.CharField(max_length=8, choices=[(s.value, s.value) for s in GenerationState])
    m = models.PositiveSmallIntegerField(default=HNSW_M)
    ef_construction = models.PositiveSmallIntegerField(default=HNSW_EF_CONSTRUCTION)
    storage = models.CharField(
        max_length=8,
        choices=[(s.value, s.value) for s in IndexStorage],
        default=IndexStorage.HALFVEC.value,
        help_text="What the index holds of a vector.",
    )
    index_state = models.CharField(
        max_length=8,
        choices=[(s.value, s.value) for s in IndexState],
        default=IndexState.NONE.value,
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "generations"
        constraints = [
            models.UniqueConstraint(
                fields=["collection"],
                condition=models.Q(state=GenerationState.ACTIVE.value),
                name="generation_one_active",
            ),
            models.CheckConstraint(
                condition=models.Q(dimensions__range=(1, MAX_DIMENSIONS)),
                name="generation_dimensions",
            ),
            models.CheckConstraint(
                condition=models.Q(metric__in=[m.value for m in Metric]), name="generation_metric"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model}, {self.dimensions} dimensions, {self.metric}"
