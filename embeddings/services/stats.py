"""What a collection weighs, how well its index finds, and what would help it."""

import uuid
from collections.abc import Sequence

from embeddings.constants import IndexState
from embeddings.models import Collection, Generation
from embeddings.services.index import index_job
from embeddings.services.recall import newest_recall, recall_warning
from embeddings.services.row_filter import within_view
from embeddings.store.chunks import count_chunks
from embeddings.store.documents import count_documents
from embeddings.store.index import index_name
from embeddings.store.partitions import chunks_table, documents_table, terms_table
from embeddings.store.search_sql import Target
from embeddings.store.stats import relation_bytes, table_bytes, table_stats
from embeddings.types.index import IndexSettings
from embeddings.types.stats import CollectionStats, IndexStats, TableStats

DEAD_SHARE = 0.1
"""Searches meet dead rows until VACUUM; PostgreSQL's own comes at twice as many."""

STALE_SHARE = 0.2
MIN_ROWS = 1_000
"""Below, whatever is wrong costs nothing."""


def collection_stats(*, collection: Collection) -> CollectionStats:
    """Of the collection alone, all of it. Raises NotFound when it was deleted meanwhile."""
    generation = collection.generation
    documents = table_stats(table=documents_table(collection.pk))
    chunks = table_stats(table=chunks_table(generation.pk))
    job = index_job(collection=collection)
    settings = IndexSettings.of(generation)
    index = IndexStats(
        state=IndexState(generation.index_state),
        m=settings.m,
        ef_construction=settings.ef_construction,
        storage=settings.storage,
        bytes=relation_bytes(name=index_name(generation.pk)),
        job=job.pk if job else None,
    )
    unfiltered, filtered = newest_recall(collection=collection)
    return CollectionStats(
        documents=collection.document_count,
        documents_table=documents,
        chunks_table=chunks,
        index=index,
        unfiltered=unfiltered,
        filtered=filtered,
        warning=recall_warning(unfiltered, filtered),
        advice=advice(documents=documents, chunks=chunks, indexed=index.bytes > 0),
    )


def stored_bytes(*, collections: Sequence[Collection]) -> dict[uuid.UUID, int]:
    """How much room each of the collections takes, all its generations and indexes included."""
    tables = {}
    for collection in collections:
        tables[documents_table(collection.pk)] = collection.pk
        tables[terms_table(collection.pk)] = collection.pk
    generations = Generation.objects.filter(collection__in=collections)
    for pk, collection_id in generations.values_list("pk", "collection_id"):
        tables[chunks_table(pk)] = collection_id
    sizes = dict.fromkeys((collection.pk for collection in collections), 0)
    for table, size in table_bytes(tables=list(tables)).items():
        sizes[tables[table]] += size
    return sizes


def shown_stats(*, collection: Collection) -> tuple[int, int]:
    """How many documents and how many chunks the caller sees, for one that does not see all.
    Raises NotFound when the collection was deleted meanwhile.
    """
    view = within_view(collection=collection)
    return (
        count_documents(collection_id=collection.pk, metadata_filter=view),
        count_chunks(target=Target.of(collection.generation), metadata_filter=view),
    )


def advice(*, documents: TableStats, chunks: TableStats, indexed: bool) -> list[str]:
    """What would help, in words; nothing where all is well."""
    found = []
    if _is_large(chunks) and chunks.dead_share >= DEAD_SHARE:
        if indexed:
            # VACUUM alone would repair the graph around each dead row, which takes far longer.
            found.append(
                f"REINDEX then VACUUM: {chunks.dead_share:.0%} of the index's rows are dead."
            )
        else:
            found.append(f"VACUUM: {chunks.dead_share:.0%} of the vectors' rows are dead.")
    if _is_large(documents) and documents.dead_share >= DEAD_SHARE:
        found.append(f"VACUUM: {documents.dead_share:.0%} of the documents' rows are dead.")
    for name, table in (("vectors", chunks), ("documents", documents)):
        if _is_large(table) and table.last_analyze is None:
            found.append(f"ANALYZE: PostgreSQL has no statistics of the {name}.")
        elif _is_large(table) and table.changed >= STALE_SHARE * table.rows:
            found.append(f"ANALYZE: {table.changed} {name} were written since the last one.")
    return found


def _is_large(table: TableStats) -> bool:
    return table.rows + table.dead_rows >= MIN_ROWS
