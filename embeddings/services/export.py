"""Exports: the documents of a collection, a batch at a time, whatever is written meanwhile."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from django.db import connection, transaction

from accounts.services.audit import record
from embeddings.models import Collection, Document
from embeddings.services.row_filter import within_view
from embeddings.store.chunks import SpanVector, span_vectors
from embeddings.store.documents import content_hashes, select_documents
from embeddings.types.filter import MetadataFilter

BATCH_DOCUMENTS = 100
"""In memory at once: 20 MB of the longest texts, and with vectors of 384 dimensions 150 MB of the
most chunks that documents may have."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A document; with the vectors of its chunks, in their order, where they are asked for."""

    document: Document
    chunks: list[SpanVector]


def export_documents(
    *,
    collection: Collection,
    metadata_filter: MetadataFilter | None = None,
    vectors: bool = False,
    after: uuid.UUID | None = None,
) -> Iterator[list[Exported]]:
    """Batches of the documents that the caller sees and the filter lets through, in key order,
    those behind the key `after`. One that is there throughout comes exactly once.

    It is on record. No connection is held while the caller takes its time over a batch. Raises
    InvalidFilter, and NotFound at any time when the collection is deleted meanwhile.
    """
    view = within_view(collection=collection, metadata_filter=metadata_filter)
    with transaction.atomic():
        record(
            event="documents.export",
            object_type="collection",
            object_id=str(collection.pk),
            collection_id=collection.pk,
            after={
                "filter": None if metadata_filter is None else repr(metadata_filter),
                "with_vectors": vectors,
            },
        )
    batches = _batches(collection, view, vectors=vectors, after=after)
    # What is wrong with the first shows before anything is sent.
    return chain([first], batches) if (first := next(batches, None)) else iter(())


def _batches(
    collection: Collection,
    view: MetadataFilter | None,
    *,
    vectors: bool,
    after: uuid.UUID | None,
) -> Iterator[list[Exported]]:
    generation_id = collection.generation.pk
    while True:
        documents = select_documents(
            collection_id=collection.pk, metadata_filter=view, after=after, limit=BATCH_DOCUMENTS
        )
        if not documents:
            return
        after = documents[-1].pk
        ids = [document.pk for document in documents]
        chunks = span_vectors(generation_id=generation_id, document_ids=ids) if vectors else {}
        if chunks:
            # Vectors of a text that was stored since would be taken for those of the old one.
            hashes = content_hashes(collection_id=collection.pk, ids=ids)
            stale = {each.pk for each in documents if hashes.get(each.pk) != each.content_hash}
            chunks = {pk: spans for pk, spans in chunks.items() if pk not in stale}
        if not connection.in_atomic_block:
            connection.close()
        yield [Exported(each, chunks.get(each.pk, [])) for each in documents]
