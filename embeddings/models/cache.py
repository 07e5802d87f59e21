"""What the cache has to know durably, and in every process."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now


class CacheCutoff(models.Model):
    """Cached values of the scope that were written before the time don't count any more."""

    scope = models.CharField(
        primary_key=True,
        max_length=220,
        help_text="`all`, `model:…` or `collection:…`; or `queries` of a collection or of all.",
    )
    before_ms = models.BigIntegerField(help_text="Milliseconds since 1970.")

    class Meta:
        db_table = "cache_cutoffs"

    def __str__(self) -> str:
        return self.scope


class CacheErasure(models.Model):
    """Keys of cached values that no process may keep. Nobody can tell from a key what was behind
    it.
    """

    keys = ArrayField(models.BinaryField())
    erased_ms = models.BigIntegerField(db_index=True, help_text="Milliseconds since 1970.")

    class Meta:
        db_table = "cache_erasures"

    def __str__(self) -> str:
        return f"{len(self.keys)} values"


class FrequentQuery(models.Model):
    """How often an owner has searched a collection for a text; kept only where the operator has
    asked for it, and only of the most frequent ones.
    """

    collection = models.ForeignKey(
        "embeddings.Collection", on_delete=models.CASCADE, related_name="frequent_queries"
    )
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    text = models.TextField()
    digest = models.BinaryField(max_length=32, editable=False, help_text="SHA-256 of the text.")
    count = models.BigIntegerField(default=0)
    last_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "frequent_queries"
        constraints = [
            models.UniqueConstraint(
                fields=["collection", "owner", "digest"], name="frequent_query_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.count} times in {self.collection_id}"
