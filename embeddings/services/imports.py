"""Imports: rows of a file into a collection, batch by batch, each exactly once."""

import gzip as gzip_format
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

from django.conf import settings
from django.db import transaction

from accounts.policy import Action
from embeddings.constants import FieldType, JobKind, OnConflict
from embeddings.exceptions import InvalidMetadata, OutsideView, TooManyChunks, UnreadableImport
from embeddings.models import Collection, Job, JobPart
from embeddings.readers.csv_upload import csv_as_json_lines
from embeddings.readers.json_upload import json_as_lines
from embeddings.readers.rows import Row, document_lines, parse_line
from embeddings.readers.upload import cut, unpack
from embeddings.services.add import store_documents
from embeddings.services.import_batches import (
    BATCH_DOCUMENTS,
    Batch,
    batches,
    existing,
    take_out,
)
from embeddings.services.index import request_index_if_due
from embeddings.services.job_runs import JobRun, check_run, record_progress, run_job
from embeddings.services.jobs import enqueue, make_job, owners_collection
from embeddings.services.redaction import redact_lines
from embeddings.store.documents import Written
from embeddings.types.csv_columns import CsvColumns
from embeddings.types.document import AddResult
from embeddings.types.metadata_schema import read_schema
from embeddings.types.redaction import Redaction

Kind = Literal["ndjson", "csv", "json"]
EXPECTED: dict[Kind, str] = {
    "ndjson": "one JSON object on each line",
    "csv": "a header and rows below it",
    "json": "an array of JSON objects",
}
COUNTED = ("added", "updated", "unchanged", "truncated")
SHOWN_REFUSED = 1_000
COMPRESSION = 1
"""gzip's fastest: the parts live only until the import ends."""


OnRefused = Callable[[list[dict[str, Any]]], None]


def start_import(
    *,
    owner_id: int,
    collection: Collection,
    chunks: Iterable[bytes],
    gzip: bool,
    on_conflict: OnConflict,
    kind: Kind = "ndjson",
    columns: CsvColumns | None = None,
) -> Job:
    """A queued job for the lines of JSON in the stream, for the rows of CSV, or for the objects in
    an array of JSON, all stored in one transaction. `columns` says which columns are what, if not
    their names.

    Raises UnreadableImport, ImportTooLarge and RedactionUnavailable; then nothing is stored.
    """
    params = {"on_conflict": on_conflict.value, **({"format": kind} if kind == "csv" else {})}
    lines = _lines(chunks, collection, gzip=gzip, kind=kind, columns=columns)
    with transaction.atomic():
        job = make_job(
            owner_id=owner_id,
            kind=JobKind.IMPORT,
            collection=collection,
            params=params,
            total=0,
        )
        parts = cut(lines, max_line_bytes=settings.EMBED.max_body_bytes)
        for ordinal, part in enumerate(parts):
            JobPart.objects.create(
                job=job,
                ordinal=ordinal,
                first_line=part.first_line,
                content=gzip_format.compress(_kept(collection, part.content), COMPRESSION),
            )
            job.total = part.first_line + part.lines - 1
        if not job.total:
            raise UnreadableImport(reason=f"it is empty. Send {EXPECTED[kind]}.")
        job.save(update_fields=["total"])
        enqueue(job=job)
    return job


def _lines(
    chunks: Iterable[bytes],
    collection: Collection,
    *,
    gzip: bool,
    kind: Kind,
    columns: CsvColumns | None,
) -> Iterable[bytes]:
    """Pieces of lines of JSON, whatever was sent."""
    config = settings.EMBED
    pieces = unpack(chunks, gzip=gzip, max_bytes=config.import_max_bytes)
    if kind == "json":
        return json_as_lines(pieces, max_bytes=config.max_body_bytes)
    if kind == "ndjson":
        return pieces
    lines = csv_as_json_lines(
        pieces,
        columns=columns,
        field_types=field_types(collection),
        max_line_bytes=config.max_body_bytes,
    )
    # Each line repeats the names of the columns.
    return unpack(lines, gzip=False, max_bytes=config.import_max_bytes)


def field_types(collection: Collection) -> dict[str, FieldType]:
    """Of the declared fields of the metadata, by name."""
    schema = read_schema(collection.metadata_schema)
    return {field.name: field.type for field in schema.values()}


def _kept(collection: Collection, content: bytes) -> bytes:
    content = document_lines(content)  # so that what is redacted or erased by its id is found
    redaction = Redaction.from_json(collection.redaction)
    return redact_lines(redaction, content) if redaction.entities else content


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
    `on_batch` of each finished batch the number of its last row. Raises CollectionDeleted,
    JobForbidden, JobLost, JobInterrupted.
    """
    collection = owners_collection(job=run.job, action=Action.WRITE)
    for batch in batches(collection=collection, rows=rows, limit=batch_documents):
        check_run(run=run)
        # What the owner may write may have changed since the last one.
        collection = owners_collection(job=run.job, action=Action.WRITE)
        if on_refused is not None and batch.refused:
            on_refused(batch.refused)
        _store(run, collection, batch, on_conflict, on_refused)
        if on_batch is not None:
            on_batch(batch.last)
    request_index_if_due(collection=collection)


def _store(
    run: JobRun,
    collection: Collection,
    batch: Batch,
    on_conflict: OnConflict,
    on_refused: OnRefused | None,
) -> None:
    def record(result: AddResult, written: Written) -> None:
        """Runs in the transaction of the batch's documents."""
        refused = batch.refused
        unchanged = result.unchanged
        if on_conflict == OnConflict.ERROR:
            there = existing(collection=collection, batch=batch, written=written)
            if on_refused is not None and there:
                on_refused(there)
            refused, unchanged = refused + there, 0
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
    except (InvalidMetadata, OutsideView, TooManyChunks) as problem:
        refused = take_out(collection=collection, batch=batch, problem=problem)
        if on_refused is not None:
            on_refused(refused)
        _store(run, collection, batch, on_conflict, on_refused)


def _record(run: JobRun, done: int, refused: list[dict[str, Any]], **counts: int) -> None:
    job = run.job
    result = {key: job.result.get(key, 0) + counts.get(key, 0) for key in COUNTED}
    result["refused"] = job.result.get("refused", 0) + len(refused)
    room = SHOWN_REFUSED - len(job.refused)
    changes = {"refused": job.refused + refused[:room]} if refused and room > 0 else {}
    record_progress(run=run, done=done, result=result, **changes)
    job.result, job.done = result, done
    job.refused = changes.get("refused", job.refused)


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
                is_fault = job.params.get("format") == "csv" and isinstance(row.raw, str)
                yield Row(number, fault=row.raw) if is_fault else row
        ordinal += 1
