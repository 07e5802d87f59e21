"""Imports: rows of a file into a collection, batch by batch, each exactly once."""

import gzip as gzip_format
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.exceptions import Problem
from embeddings.constants import JobKind, OnConflict
from embeddings.exceptions import (
    CollectionDeleted,
    DocumentExists,
    InvalidMetadata,
    InvalidRequest,
    TooManyChunks,
    UnreadableImport,
)
from embeddings.models import Collection, Job, JobPart
from embeddings.models.document import document_id
from embeddings.readers.rows import Row, parse_line
from embeddings.readers.upload import cut, unpack
from embeddings.services.add import store_documents
from embeddings.services.document_input import parse_document
from embeddings.services.index import request_index_if_due
from embeddings.services.job_runs import JobRun, check_run, record_progress, run_job
from embeddings.services.jobs import enqueue, make_job
from embeddings.services.metadata_schema import check_metadata
from embeddings.store.documents import Written
from embeddings.types.document import AddResult, DocumentInput
from embeddings.types.vector import check_vector

BATCH_DOCUMENTS = 256
BATCH_CHARS = 400_000
"""A batch is the step at which an import is recorded and can stop: about a second of MiniLM on two
cores."""

COUNTED = ("added", "updated", "unchanged", "truncated")
SHOWN_REFUSED = 1_000
COMPRESSION = 1
"""gzip's fastest: the parts live only until the import ends."""


@dataclass(slots=True)
class _Batch:
    """Rows that go in together; `last` is the number of the last one."""

    documents: dict[str, tuple[int, DocumentInput]] = field(default_factory=dict)
    refused: list[dict[str, Any]] = field(default_factory=list)
    chars: int = 0
    last: int = 0

    def is_full(self, limit: int) -> bool:
        rows = len(self.documents) + len(self.refused)
        return rows >= limit or self.chars >= BATCH_CHARS


OnRefused = Callable[[list[dict[str, Any]]], None]


def start_import(
    *,
    owner_id: int,
    collection: Collection,
    chunks: Iterable[bytes],
    gzip: bool,
    on_conflict: OnConflict,
) -> Job:
    """A queued job for the lines of JSON in the stream, all stored in one transaction.

    Raises UnreadableImport and ImportTooLarge; then nothing is stored.
    """
    pieces = unpack(chunks, gzip=gzip, max_bytes=settings.EMBED.import_max_bytes)
    with transaction.atomic():
        job = make_job(
            owner_id=owner_id,
            kind=JobKind.IMPORT,
            collection=collection,
            params={"on_conflict": on_conflict.value},
            total=0,
        )
        parts = cut(pieces, max_line_bytes=settings.EMBED.max_body_bytes)
        for ordinal, part in enumerate(parts):
            JobPart.objects.create(
                job=job,
                ordinal=ordinal,
                first_line=part.first_line,
                content=gzip_format.compress(part.content, COMPRESSION),
            )
            job.total = part.first_line + part.lines - 1
        if not job.total:
            raise UnreadableImport(reason="it is empty. Send one JSON object on each line.")
        job.save(update_fields=["total"])
        enqueue(job=job)
    return job


def run_import(*, job_id: uuid.UUID, should_stop: Callable[[], bool]) -> None:
    """Run the job, from its first unfinished line on. Raises JobRetry."""
    run_job(job_id=job_id, work=_import_parts, should_stop=should_stop)


def import_rows(
    *,
    run: JobRun,
    rows: Iterable[Row],
    on_conflict: OnConflict,
    batch_documents: int = BATCH_DOCUMENTS,
    on_refused: OnRefused | None = None,
    on_batch: Callable[[int], object] | None = None,
) -> None:
    """Add the rows' documents to the job's collection and refuse those that are no documents.

    Documents and progress are stored in one transaction, so that a run which is cut off anywhere
    goes on behind its last batch. `on_refused` hears of refused rows before they are recorded,
    `on_batch` of each finished batch the number of its last row. Raises CollectionDeleted, JobLost,
    JobInterrupted.
    """
    collection = run.job.collection
    if collection is None:
        raise CollectionDeleted
    for batch in _batches(collection, rows, limit=batch_documents):
        check_run(run=run)
        if on_refused is not None and batch.refused:
            on_refused(batch.refused)
        _store(run, collection, batch, on_conflict, on_refused)
        if on_batch is not None:
            on_batch(batch.last)
    request_index_if_due(collection=collection)


def _batches(collection: Collection, rows: Iterable[Row], *, limit: int) -> Iterator[_Batch]:
    batch = _Batch()
    for row in rows:
        try:
            document = _document(collection, row)
        except Problem as problem:
            batch.refused.append(_refusal(row.number, problem))
        else:
            if document.external_id in batch.documents:
                # As if each row were added by itself: the later one meets the earlier one stored.
                yield batch
                batch = _Batch()
            batch.documents[document.external_id] = (row.number, document)
            batch.chars += len(document.text)
        batch.last = row.number
        if batch.is_full(limit):
            yield batch
            batch = _Batch()
    if batch.last:
        yield batch


def _document(collection: Collection, row: Row) -> DocumentInput:
    if row.fault is not None:
        raise InvalidRequest(detail=row.fault)
    document = parse_document(row.raw)
    if document.embedding is not None:
        check_vector(
            document.embedding, dimensions=collection.generation.dimensions, param="embedding"
        )
    _check_metadata(collection, document)
    return document


def _check_metadata(collection: Collection, document: DocumentInput) -> None:
    check_metadata(
        collection=collection,
        external_id=document.external_id,
        metadata=document.metadata,
        param="metadata",
    )


def _store(
    run: JobRun,
    collection: Collection,
    batch: _Batch,
    on_conflict: OnConflict,
    on_refused: OnRefused | None,
) -> None:
    def record(result: AddResult, written: Written) -> None:
        """Runs in the transaction of the batch's documents."""
        refused = batch.refused
        unchanged = result.unchanged
        if on_conflict == OnConflict.ERROR:
            existing = _existing(collection, batch, written)
            if on_refused is not None and existing:
                on_refused(existing)
            refused, unchanged = refused + existing, 0
        _record(
            run,
            batch.last,
            refused,
            added=result.added,
            updated=result.updated,
            unchanged=unchanged,
            truncated=len(result.truncated),
        )

    if not batch.documents:
        _record(run, batch.last, batch.refused)
        return
    try:
        store_documents(
            collection=collection,
            documents=[document for _, document in batch.documents.values()],
            owner_id=run.job.owner_id,
            # One document that exists must not refuse its neighbours: skip it, and report its row.
            on_conflict=OnConflict.SKIP if on_conflict == OnConflict.ERROR else on_conflict,
            within=record,
        )
    except (InvalidMetadata, TooManyChunks) as problem:
        if isinstance(problem, TooManyChunks):
            refused = _take_out(batch, problem)
        else:  # the schema has changed since the rows were read, and is known now
            refused = _take_out_broken(collection, batch)
        if on_refused is not None:
            on_refused(refused)
        _store(run, collection, batch, on_conflict, on_refused)


def _take_out(batch: _Batch, problem: TooManyChunks) -> list[dict[str, Any]]:
    external_id = list(batch.documents)[problem.values["index"]]
    number, _ = batch.documents.pop(external_id)
    batch.refused.append(_refusal(number, problem.at("text", index=0)))
    return batch.refused[-1:]


def _take_out_broken(collection: Collection, batch: _Batch) -> list[dict[str, Any]]:
    refused = []
    for external_id, (number, document) in list(batch.documents.items()):
        try:
            _check_metadata(collection, document)
        except InvalidMetadata as problem:
            refused.append(_refusal(number, problem))
            del batch.documents[external_id]
    batch.refused += refused
    return refused


def _existing(collection: Collection, batch: _Batch, written: Written) -> list[dict[str, Any]]:
    return [
        _refusal(number, DocumentExists(param="id", external_id=external_id))
        for external_id, (number, _) in batch.documents.items()
        if document_id(collection_id=collection.pk, external_id=external_id) not in written.added
    ]


def _record(run: JobRun, done: int, refused: list[dict[str, Any]], **counts: int) -> None:
    job = run.job
    result = {key: job.result.get(key, 0) + counts.get(key, 0) for key in COUNTED}
    result["refused"] = job.result.get("refused", 0) + len(refused)
    room = SHOWN_REFUSED - len(job.refused)
    changes = {"refused": job.refused + refused[:room]} if refused and room > 0 else {}
    record_progress(run=run, done=done, result=result, **changes)
    job.result, job.done = result, done
    job.refused = changes.get("refused", job.refused)


def _refusal(number: int, problem: Problem) -> dict[str, Any]:
    return {
        "line": number,
        "param": problem.param,
        "code": problem.code,
        "detail": problem.detail,
    }


def _import_parts(run: JobRun) -> None:
    import_rows(
        run=run,
        rows=_part_rows(run.job, after=run.job.done),
        on_conflict=OnConflict(run.job.params["on_conflict"]),
    )
    # Blank lines at the end belong to no batch.
    record_progress(run=run, done=run.job.total or 0)


def _part_rows(job: Job, *, after: int) -> Iterator[Row]:
    """The rows behind line `after`, with one part in memory at a time."""
    parts = job.parts.order_by("ordinal")
    started = parts.filter(first_line__lte=after + 1).order_by("-ordinal").first()
    ordinal = started.ordinal if started is not None else 0
    while part := parts.filter(ordinal=ordinal).first():
        lines = gzip_format.decompress(part.content).split(b"\n")
        for number, line in enumerate(lines, part.first_line):
            row = parse_line(number, line) if number > after else None
            if row is not None:
                yield row
        ordinal += 1
