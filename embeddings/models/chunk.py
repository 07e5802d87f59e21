"""A span of a document with its vector in one generation."""

from django.db import models
from pgvector.django import VectorField


class Chunk(models.Model):
    """A row of the partition of its generation, narrow on purpose: no update of a document's text
    or metadata touches a row that stands in an HNSW index."""

    pk = models.CompositePrimaryKey("generation", "document", "ordinal")
    generation = models.ForeignKey(
        "embeddings.Generation",
        on_delete=models.DO_NOTHING,  # the partition goes with its generation
        db_constraint=False,
        db_index=False,
        related_name="chunks",
    )
    document = models.ForeignKey(
        "embeddings.Document",
        on_delete=models.DO_NOTHING,  # the partitions carry the foreign key, with its cascade
        db_constraint=False,
        db_index=False,
        related_name="chunks",
    )
    ordinal = models.IntegerField()
    start = models.IntegerField(help_text="First character of the span in the document's text.")
    end = models.IntegerField(help_text="The character after the span.")
    embedding = VectorField()

    class Meta:
        db_table = "chunks"

    def __str__(self) -> str:
        return f"{self.document_id}[{self.start}:{self.end}]"
