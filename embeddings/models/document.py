"""The text a caller sends, known by its external id."""

import uuid

from django.db import models
from django.db.models.functions import Now

from embeddings.constants import MAX_EXTERNAL_ID_CHARS


def document_id(*, collection_id: uuid.UUID, external_id: str) -> uuid.UUID:
    """The UUIDv5 of the collection and the caller's id: an upsert needs no look-up."""
    return uuid.uuid5(collection_id, external_id)


class Document(models.Model):
    """A row of the partition of its collection; the keys are declared on the partitions."""

    id = models.UUIDField(primary_key=True, editable=False)
    collection = models.ForeignKey(
        "embeddings.Collection",
        on_delete=models.DO_NOTHING,  # the partition goes with its collection
        db_constraint=False,
        db_index=False,
        related_name="documents",
    )
    external_id = models.CharField(max_length=MAX_EXTERNAL_ID_CHARS, verbose_name="id")
    text = models.TextField()
    metadata = models.JSONField(default=dict, blank=True)
    content_hash = models.BinaryField(max_length=32, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "documents"

    def __str__(self) -> str:
        return self.external_id
