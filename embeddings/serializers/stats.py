"""A collection's statistics on the wire."""

from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from embeddings.constants import IndexState, IndexStorage
from embeddings.models import Collection
from embeddings.types.stats import CollectionStats, Recall, TableStats


class BytesResponse(serializers.Serializer[Any]):
    """What is on disk, in bytes."""

    documents = serializers.IntegerField(help_text="Texts and metadata, with their indexes.")
    chunks = serializers.IntegerField(help_text="Vectors, with their indexes but the HNSW one.")
    index = serializers.IntegerField(help_text="The HNSW index.")
    total = serializers.IntegerField()


class IndexStatsResponse(serializers.Serializer[Any]):
    """The HNSW index."""

    state = serializers.ChoiceField(choices=[state.value for state in IndexState])
    m = serializers.IntegerField()
    ef_construction = serializers.IntegerField()
    storage = serializers.ChoiceField(choices=[storage.value for storage in IndexStorage])
    bytes = serializers.IntegerField()
    job = serializers.UUIDField(allow_null=True, help_text="The job that builds it now.")


class MeasuredRecall(serializers.Serializer[Any]):
    """How much of the exact answers searches found."""

    recall = serializers.FloatField(help_text="Mean share, 0 to 1.")
    worst = serializers.FloatField(help_text="Of one search.")
    top_k = serializers.IntegerField()
    queries = serializers.IntegerField()
    approximate = serializers.IntegerField(help_text="Searches that used the index.")
    measured_at = serializers.DateTimeField()


class RecallResponse(serializers.Serializer[Any]):
    """The newest measurements; null before the first."""

    unfiltered = MeasuredRecall(allow_null=True)
    filtered = MeasuredRecall(allow_null=True, help_text="With an equality filter on metadata.")
    warning = serializers.CharField(help_text="Empty while recall is as it should be.")


class TableResponse(serializers.Serializer[Any]):
    """A table, as PostgreSQL counts: numbers of rows are estimates."""

    rows = serializers.IntegerField()
    dead_rows = serializers.IntegerField()
    changed = serializers.IntegerField(help_text="Rows written since the last ANALYZE.")
    last_vacuum = serializers.DateTimeField(allow_null=True)
    last_analyze = serializers.DateTimeField(allow_null=True)


class MaintenanceResponse(serializers.Serializer[Any]):
    """What VACUUM and ANALYZE have done, and what they should."""

    documents = TableResponse()
    chunks = TableResponse()
    advice = serializers.ListField(
        child=serializers.CharField(), help_text="What would help; empty when nothing would."
    )


class StatsResponse(serializers.Serializer[Any]):
    """A collection's statistics; what is measured of all of it is null for who sees a part."""

    collection = serializers.CharField()
    documents = serializers.IntegerField(help_text="That you see.")
    chunks = serializers.IntegerField(help_text="An estimate, where you see all.")
    bytes = BytesResponse(allow_null=True)
    index = IndexStatsResponse(allow_null=True)
    recall = RecallResponse(allow_null=True)
    maintenance = MaintenanceResponse(allow_null=True)


def stats_json(collection: Collection, stats: CollectionStats) -> dict[str, Any]:
    """StatsResponse."""
    documents, chunks, index = stats.documents_table, stats.chunks_table, stats.index
    sizes = {
        "documents": documents.bytes + documents.index_bytes,
        "chunks": chunks.bytes + chunks.index_bytes - index.bytes,
        "index": index.bytes,
    }
    return {
        "collection": collection.name,
        "documents": stats.documents,
        "chunks": chunks.rows,
        "bytes": {**sizes, "total": sum(sizes.values())},
        "index": asdict(index),
        "recall": {
            "unfiltered": _recall(stats.unfiltered),
            "filtered": _recall(stats.filtered),
            "warning": stats.warning,
        },
        "maintenance": {
            "documents": _table(documents),
            "chunks": _table(chunks),
            "advice": stats.advice,
        },
    }


def shown_stats_json(collection: Collection, documents: int, chunks: int) -> dict[str, Any]:
    """StatsResponse for who sees so much of the collection."""
    measured = dict.fromkeys(("bytes", "index", "recall", "maintenance"))
    return {"collection": collection.name, "documents": documents, "chunks": chunks, **measured}


def _recall(recall: Recall | None) -> dict[str, Any] | None:
    return None if recall is None else asdict(recall)


def _table(table: TableStats) -> dict[str, Any]:
    names = ("rows", "dead_rows", "changed", "last_vacuum", "last_analyze")
    return {name: getattr(table, name) for name in names}
