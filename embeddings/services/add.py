"""Adding documents: text, metadata and vectors appear together or not at all."""

import hashlib
import time
import uuid
from collections.abc import Callable, Sequence

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from accounts.services.audit import record
from embeddings import telemetry
from embeddings.constants import OnConflict
from embeddings.exceptions import (
    CollectionBusy,
    DocumentExists,
    DuplicateDocument,
    TextTooLong,
    TooManyChunks,
)
from embeddings.models import Collection
from embeddings.models.document import document_id
from embeddings.services.collection import lock_collection
from embeddings.services.document_chunks import DocumentChunks, embed_documents, given_chunk
from embeddings.services.embed import check_text
from embeddings.services.index import request_index_if_due
from embeddings.services.keyword_statistics import store_terms
from embeddings.services.metadata_schema import check_documents
from embeddings.services.redaction import redact_documents
from embeddings.services.row_filter import check_writable
from embeddings.services.usage import record_write
from embeddings.store.chunks import replace_chunks
from embeddings.store.documents import DocumentRow, Written, content_hashes, write_documents
from embeddings.types.document import AddResult, DocumentInput
from embeddings.types.vector import check_vector

Within = Callable[[AddResult, Written], None]
"""What else belongs to the transaction that stores the documents."""

WRITE_ATTEMPTS = 5
"""How often a batch is embedded anew because others changed the same documents meanwhile."""


def add_documents(
    *,
    collection: Collection,
    documents: Sequence[DocumentInput],
    owner_id: int | None = None,
    on_conflict: OnConflict = OnConflict.UPSERT,
    truncate: bool = True,
) -> AddResult:
    """Store the documents with their vectors, in one transaction; those whose text is stored
    already are not embedded again. A collection that has grown large gets its index as a job.
    `owner_id` is whose cached vectors may serve; without one the cache is passed by.

    Raises DuplicateDocument, DocumentExists, EmptyText, InvalidRequest, InvalidVector,
    InvalidMetadata, DimensionsMismatch, TextTooLong, TooManyChunks, OutsideView, CollectionBusy;
    each names the document, and then nothing is stored.
    """
    result = store_documents(
        collection=collection,
        documents=documents,
        owner_id=owner_id,
        on_conflict=on_conflict,
        truncate=truncate,
    )
    request_index_if_due(collection=collection)
    return result


def store_documents(
    *,
    collection: Collection,
    documents: Sequence[DocumentInput],
    owner_id: int | None = None,
    on_conflict: OnConflict = OnConflict.UPSERT,
    truncate: bool = True,
    within: Within | None = None,
) -> AddResult:
    """`add_documents` for one batch of many: without a thought for the index, which is built faster
    after the last of them; `within` runs in the transaction.
    """
    started = time.perf_counter()
    documents = redact_documents(collection=collection, documents=documents)
    redaction = collection.redaction
    for index, document in enumerate(documents):
        check_text(document.text, param=f"documents.{index}.text")
        if document.embedding is not None:
            check_vector(
                document.embedding,
                dimensions=collection.generation.dimensions,
                param=f"documents.{index}.embedding",
            )
    check_documents(collection=collection, documents=documents)
    rows = _rows(collection, documents)
    chunks = DocumentChunks(
        {
            row.id: given_chunk(row=row, embedding=document.embedding)
            for row, document in zip(rows, documents, strict=True)
            if document.embedding is not None
        }
    )
    for _ in range(WRITE_ATTEMPTS):
        check_writable(collection=collection, rows=rows)
        stored = content_hashes(collection_id=collection.pk, ids=[row.id for row in rows])
        _embed_missing(
            collection, rows, stored, on_conflict, chunks, owner_id=owner_id, truncate=truncate
        )
        result = _write(collection, rows, on_conflict, chunks, within)
        if collection.redaction != redaction:
            break  # it was chosen after these documents were redacted
        if result is not None:
            telemetry.added(
                collection=collection.name,
                added=result.added,
                updated=result.updated,
                unchanged=result.unchanged,
                seconds=time.perf_counter() - started,
            )
            return result
    raise CollectionBusy


def _rows(collection: Collection, documents: Sequence[DocumentInput]) -> list[DocumentRow]:
    rows: dict[uuid.UUID, DocumentRow] = {}
    for index, document in enumerate(documents):
        pk = document_id(collection_id=collection.pk, external_id=document.external_id)
        if pk in rows:
            raise DuplicateDocument(param=f"documents.{index}.id", external_id=document.external_id)
        rows[pk] = DocumentRow(
            id=pk,
            external_id=document.external_id,
            text=document.text,
            metadata=document.metadata,
            content_hash=_content_hash(document),
        )
    return list(rows.values())


def _content_hash(document: DocumentInput) -> bytes:
    """32 bytes that stand for the text, and for the vector where the caller brought it."""
    digest = hashlib.sha256(document.text.encode())
    if document.embedding is not None:
        digest.update(b"\x00")  # a text holds no NUL
        digest.update(document.embedding.astype("<f4").tobytes())
    return digest.digest()


def _needs_vector(row: DocumentRow, stored: dict[uuid.UUID, bytes], mode: OnConflict) -> bool:
    if row.id not in stored:
        return True
    return mode == OnConflict.UPSERT and stored[row.id] != row.content_hash


def _embed_missing(
    collection: Collection,
    rows: Sequence[DocumentRow],
    stored: dict[uuid.UUID, bytes],
    on_conflict: OnConflict,
    chunks: DocumentChunks,
    *,
    owner_id: int | None,
    truncate: bool,
) -> None:
    missing = [
        row
        for row in rows
        if row.id not in chunks.by_id and _needs_vector(row, stored, on_conflict)
    ]
    if not missing:
        return
    try:
        embed_documents(
            collection=collection, rows=missing, chunks=chunks, owner_id=owner_id, truncate=truncate
        )
    except (TextTooLong, TooManyChunks) as error:
        index = rows.index(missing[error.values["index"]])
        raise error.at(f"documents.{index}.text", index=index) from None


def _write(
    collection: Collection,
    rows: Sequence[DocumentRow],
    on_conflict: OnConflict,
    chunks: DocumentChunks,
    within: Within | None,
) -> AddResult | None:
    """None when others changed documents since they were looked up, so that a vector is missing
    now.
    """
    with transaction.atomic():
        redaction = collection.redaction
        lock_collection(collection)
        if collection.redaction != redaction:
            return None
        check_documents(collection=collection, documents=rows)  # by the schema as it is now
        check_writable(collection=collection, rows=rows)
        stored = content_hashes(collection_id=collection.pk, ids=[row.id for row in rows])
        if on_conflict == OnConflict.ERROR and stored:
            index, taken = next((i, row) for i, row in enumerate(rows) if row.id in stored)
            raise DocumentExists(param=f"documents.{index}.id", external_id=taken.external_id)
        changed = [row for row in rows if _needs_vector(row, stored, on_conflict)]
        if any(row.id not in chunks.by_id for row in changed):
            return None
        written = write_documents(collection_id=collection.pk, rows=rows, on_conflict=on_conflict)
        replace_chunks(
            generation_id=collection.generation.pk,
            rows=[chunk for row in changed for chunk in chunks.by_id[row.id]],
        )
        store_terms(collection=collection, ids=[row.id for row in changed])
        if written.added or written.updated:
            bump(collection, added=len(written.added))
        result = AddResult(
            ids=[row.external_id for row in rows],
            added=len(written.added),
            updated=len(written.updated),
            unchanged=len(rows) - len(written.added) - len(written.updated),
            truncated=chunks.truncated,
            tokens=chunks.tokens,
            cached_tokens=chunks.cached_tokens,
        )
        record_write(
            model=collection.generation.model,
            tokens=result.tokens,
            cached_tokens=result.cached_tokens,
            documents=result.added + result.updated,
            collection_id=collection.pk,
        )
        _record(collection, rows, written, result)
        if within is not None:
            within(result, written)
        return result


def _record(
    collection: Collection, rows: Sequence[DocumentRow], written: Written, result: AddResult
) -> None:
    changed = [row for row in rows if row.id in written.added or row.id in written.updated]
    record(
        event="documents.add",
        object_type="collection",
        object_id=str(collection.pk),
        collection_id=collection.pk,
        after={
            "added": result.added,
            "updated": result.updated,
            "unchanged": result.unchanged,
            "ids": [row.id for row in changed],
            "texts": [row.content_hash.hex() for row in changed],
        },
    )


def bump(collection: Collection, *, added: int) -> None:
    """Record a change of the documents: every write moves the version on, and keeps the count."""
    Collection.objects.filter(pk=collection.pk).update(
        document_count=F("document_count") + added, version=F("version") + 1, updated_at=Now()
    )
