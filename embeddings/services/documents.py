"""Reading, changing and deleting the documents of a collection."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts.services.audit import record
from embeddings.chunking import Span
from embeddings.exceptions import EmbeddingsError, InvalidRequest, NotFound
from embeddings.models import Chunk, Collection, Document
from embeddings.models.document import document_id
from embeddings.services.add import bump
from embeddings.services.collection import lock_collection
from embeddings.services.engine import get_embedder, is_loaded
from embeddings.services.metadata_schema import check_metadata
from embeddings.services.redaction import redact_metadata
from embeddings.services.row_filter import check_writable, refusal, within_view
from embeddings.store import documents as store
from embeddings.types.filter import MetadataFilter
from embeddings.types.metadata import metadata_fault
from embeddings.types.redaction import Redaction

SAMPLE_SIZE = 10
"""How many ids a dry run shows."""


@dataclass(frozen=True, slots=True)
class DeleteResult:
    """How many documents were, or would be, deleted; `sample` holds a few of their ids in a dry
    run.
    """

    deleted: int
    dry_run: bool
    sample: list[str]


def list_documents(
    *,
    collection: Collection,
    metadata_filter: MetadataFilter | None = None,
    after: uuid.UUID | None = None,
    limit: int,
) -> list[Document]:
    """The next `limit` documents in key order, which no write disturbs, behind the key `after`.
    Fewer are all there are.
    """
    return store.select_documents(
        collection_id=collection.pk,
        metadata_filter=within_view(collection=collection, metadata_filter=metadata_filter),
        after=after,
        limit=limit,
    )


def get_document(*, collection: Collection, external_id: str) -> Document:
    """The document. Raises NotFound."""
    document = _shown(collection, _key(collection, external_id))
    if document is None:
        raise NotFound
    return document


def document_spans(*, collection: Collection, document: Document) -> list[Span]:
    """Of its chunks in their order, `text[start:end]` in code points."""
    chunks = Chunk.objects.filter(generation_id=collection.generation.pk, document_id=document.pk)
    return list(chunks.order_by("ordinal").values_list("start", "end"))


def count_chunk_tokens(
    *, collection: Collection, document: Document, spans: Sequence[Span]
) -> list[int] | None:
    """How many tokens of the collection's model each span of the text has; None where that would
    have to be loaded first, or can't be used.
    """
    model = collection.generation.model
    try:
        if not is_loaded(model):
            return None
        return get_embedder(model).count_tokens([document.text[start:end] for start, end in spans])
    except EmbeddingsError:
        return None


def update_metadata(
    *, collection: Collection, external_id: str, changes: dict[str, Any]
) -> Document:
    """Merge the changes into the document's metadata, as RFC 7396 does at the top level: null
    removes a key; a null that is there already stays.

    Raises NotFound, ActionForbidden where it may only be read, InvalidRequest where the sum is too
    large, InvalidMetadata, and OutsideView where the caller could not write the document any more.
    The vector's row stays untouched.
    """
    pk = _key(collection, external_id)
    with transaction.atomic():
        lock_collection(collection)
        document = _shown(collection, pk)
        if document is None:
            raise refusal(collection=collection, document_id=pk)
        redaction = Redaction.from_json(collection.redaction)
        before = document.metadata
        kept = {key: value for key, value in before.items() if key not in changes}
        given = {key: value for key, value in changes.items() if value is not None}
        document.metadata = {**kept, **redact_metadata(redaction, given)}
        _check_metadata(document.metadata)
        check_metadata(
            collection=collection,
            external_id=external_id,
            metadata=document.metadata,
            param="metadata",
        )
        check_writable(collection=collection, rows=[document])
        _documents(collection).filter(id=document.pk).update(
            metadata=document.metadata, updated_at=Now()
        )
        bump(collection, added=0)
        _record(
            collection,
            document.pk,
            event="document.update",
            before={"metadata": before},
            after={"metadata": document.metadata, "fields": sorted(changes)},
        )
    return get_document(collection=collection, external_id=external_id)


def delete_document(*, collection: Collection, external_id: str) -> None:
    """Raises NotFound when it is not there, and ActionForbidden where it may only be read."""
    pk = _key(collection, external_id)
    with transaction.atomic():
        lock_collection(collection)
        view = within_view(collection=collection)
        if not store.delete_ids(collection_id=collection.pk, ids=[pk], metadata_filter=view):
            raise refusal(collection=collection, document_id=pk)
        bump(collection, added=-1)
        _record(collection, pk, event="document.delete")


def delete_documents(
    *, collection: Collection, metadata_filter: MetadataFilter, dry_run: bool = False
) -> DeleteResult:
    """Delete what the filter lets through and the caller may write, or only say how many and which
    that would be.
    """
    view = within_view(collection=collection, metadata_filter=metadata_filter)
    if dry_run:
        count = store.count_documents(collection_id=collection.pk, metadata_filter=view)
        sample = list_documents(
            collection=collection, metadata_filter=metadata_filter, limit=SAMPLE_SIZE
        )
        return DeleteResult(deleted=count, dry_run=True, sample=[d.external_id for d in sample])
    with transaction.atomic():
        lock_collection(collection)
        deleted = store.delete_documents(collection_id=collection.pk, metadata_filter=view)
        note_deleted(collection=collection, deleted=deleted, filter=repr(metadata_filter))
    return DeleteResult(deleted=deleted, dry_run=False, sample=[])


def note_deleted(*, collection: Collection, deleted: int, **told: str) -> None:
    """Count so many documents less, on record, in the transaction that deletes them."""
    if deleted:
        bump(collection, added=-deleted)
    record(
        event="documents.delete",
        object_type="collection",
        object_id=str(collection.pk),
        collection_id=collection.pk,
        after={"deleted": deleted, **told},
    )


def _record(collection: Collection, pk: uuid.UUID, *, event: str, **changes: Any) -> None:
    """The id of a document is a hash already, of the collection's and of the caller's own."""
    record(
        event=event,
        object_type="document",
        object_id=str(pk),
        collection_id=collection.pk,
        **changes,
    )


def _check_metadata(metadata: dict[str, Any]) -> None:
    config = settings.EMBED
    reason = metadata_fault(
        metadata, max_bytes=config.max_metadata_bytes, max_depth=config.max_json_depth
    )
    if reason:
        raise InvalidRequest(param="metadata", detail=reason)


def _key(collection: Collection, external_id: str) -> uuid.UUID:
    return document_id(collection_id=collection.pk, external_id=external_id)


def _shown(collection: Collection, pk: uuid.UUID) -> Document | None:
    found = store.select_documents(
        collection_id=collection.pk, metadata_filter=within_view(collection=collection), ids=[pk]
    )
    return found[0] if found else None


def _documents(collection: Collection) -> QuerySet[Document]:
    """Always narrowed to one partition."""
    return Document.objects.filter(collection_id=collection.pk)
