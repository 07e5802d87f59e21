"""What the page of a collection shows before anything of it is changed."""

from typing import Any

from django.conf import settings

from embeddings.admin.amounts import amount
from embeddings.admin.recall import recall_chart
from embeddings.admin.schema_editor import schema_rows
from embeddings.admin.upkeep import UPKEEP
from embeddings.models import Collection
from embeddings.services.frequent_queries import recorded_queries
from embeddings.services.maintenance import unfinished_jobs
from embeddings.services.stats import collection_stats, stored_bytes
from embeddings.types.chart import Unit
from embeddings.types.chunking import Chunking
from embeddings.types.redaction import Redaction
from embeddings.types.stats import CollectionStats, Recall

QUERIES = 50
JOBS = 5


def overview(collection: Collection) -> dict[str, Any]:
    """For the template `console/collection_overview.html`. Raises NotFound when the collection was
    deleted meanwhile.
    """
    stats = collection_stats(collection=collection)
    return {
        "collection": collection,
        "figures": _figures(collection, stats),
        "facts": _facts(collection, stats),
        "schema": schema_rows(collection),
        "warnings": [*filter(None, [stats.warning]), *stats.advice],
        "recall": recall_chart(collection),
        "jobs": unfinished_jobs(collection=collection, limit=JOBS),
        "queries": recorded_queries(collection=collection, limit=QUERIES),
        "queries_kept": settings.EMBED.cache_queries,
        "upkeep": UPKEEP.items(),
    }


def _figures(collection: Collection, stats: CollectionStats) -> list[tuple[str, str]]:
    size = stored_bytes(collections=[collection])[collection.pk]
    return [
        ("Documents", amount(stats.documents, Unit.COUNT)),
        ("Chunks, about", amount(stats.chunks_table.rows, Unit.COUNT)),
        ("On disk", amount(size, Unit.BYTES)),
        ("Index", stats.index.state.value),
        ("Recall", _share(stats.unfiltered)),
        ("Recall, filtered", _share(stats.filtered)),
    ]


def _facts(collection: Collection, stats: CollectionStats) -> list[tuple[str, Any]]:
    generation, index = collection.generation, stats.index
    chunking = Chunking.from_json(collection.chunking).as_json()
    redaction = Redaction.from_json(collection.redaction)
    built = f"{index.storage.value}, m {index.m}, ef_construction {index.ef_construction}"
    entities = ", ".join(redaction.entities) or "nothing"
    return [
        ("Id", collection.pk),
        ("Owner", collection.owner),
        ("Model", f"{generation.model}, {generation.dimensions} dimensions"),
        ("Fingerprint", generation.fingerprint),
        ("Metric", generation.metric),
        ("Index", f"{index.state.value}: {built}, {amount(index.bytes, Unit.BYTES)}"),
        ("Language", collection.language),
        ("Chunking", ", ".join(f"{key} {value}" for key, value in chunking.items())),
        ("Redacted", entities + ", in metadata too" * redaction.metadata),
        ("Version", collection.version),
        ("Dead rows", f"{stats.chunks_table.dead_share:.1%} of chunks"),
        ("Vacuumed", stats.chunks_table.last_vacuum or "never"),
        ("Analyzed", stats.chunks_table.last_analyze or "never"),
        ("Made", collection.created_at),
        ("Changed", collection.updated_at),
    ]


def _share(recall: Recall | None) -> str:
    return amount(None if recall is None else recall.recall, Unit.SHARE)
