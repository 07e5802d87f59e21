"""What keyword search reads: the words of each document, and how often they occur."""

from django.contrib.postgres.search import SearchVectorField
from django.db import models
from pgvector.django import SparseVectorField

from embeddings.constants import TERM_DIMENSIONS


class DocumentTerms(models.Model):
    """A row of the partition of its collection, beside the document: no update of metadata touches
    it."""

    collection = models.ForeignKey(
        "embeddings.Collection",
        on_delete=models.DO_NOTHING,  # the partition goes with its collection
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    document = models.OneToOneField(
        "embeddings.Document",
        on_delete=models.DO_NOTHING,  # the partitions carry the foreign key, with its cascade
        primary_key=True,
        db_constraint=False,
        related_name="terms",
    )
    length = models.IntegerField(help_text="How many words, the repeated ones too.")
    average_length = models.FloatField(help_text="Of the collection's, as the weights have it.")
    weights = SparseVectorField(
        dimensions=TERM_DIMENSIONS, help_text="What BM25 makes of each word's frequency here."
    )
    terms = SearchVectorField()

    class Meta:
        db_table = "document_terms"

    def __str__(self) -> str:
        return f"terms of {self.document_id}"


class KeywordStatistics(models.Model):
    """What BM25 needs to know of a whole collection, kept by every write and made exact by each
    refresh."""

    collection = models.OneToOneField(
        "embeddings.Collection", on_delete=models.CASCADE, primary_key=True, related_name="keywords"
    )
    documents = models.BigIntegerField(
        default=0, help_text="How many `length` counts: deleted and replaced ones until a refresh."
    )
    length = models.BigIntegerField(default=0, help_text="Words of all of them.")
    changes = models.BigIntegerField(default=0, help_text="Documents written since the refresh.")
    refreshed_documents = models.BigIntegerField(default=0)
    refreshed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "keyword_statistics"

    def __str__(self) -> str:
        return f"keyword statistics of {self.collection_id}"


class CommonTerm(models.Model):
    """A word that so many documents of a collection hold that counting them anew takes long."""

    pk = models.CompositePrimaryKey("collection", "lexeme")
    collection = models.ForeignKey(
        "embeddings.Collection", on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    lexeme = models.TextField(db_collation="C")
    documents = models.BigIntegerField(help_text="At the last refresh.")

    class Meta:
        db_table = "common_terms"

    def __str__(self) -> str:
        return self.lexeme
