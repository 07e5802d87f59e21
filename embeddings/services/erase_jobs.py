"""What jobs hold of documents: lines that wait to be imported, and what is told of refused ones."""

import gzip
import json
import re
from collections.abc import Collection as Sized
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import orjson
from django.conf import settings
from django.db import transaction
from procrastinate.exceptions import AlreadyEnqueued

from accounts.exceptions import Problem
from embeddings.constants import FINISHED_STATES, JobKind, JobState
from embeddings.models import Collection, Job, JobPart
from embeddings.services.chunking import cut_texts
from embeddings.services.document_input import content_id
from embeddings.services.imports import COMPRESSION
from embeddings.services.job_runs import SOURCE
from embeddings.services.jobs import cancel_job, enqueue
from embeddings.store.documents import passing
from embeddings.types.filter import MetadataFilter
from embeddings.types.metadata import metadata_fault

NAMED = re.compile(r"Document `(.*?)` (?:exists|breaks|is,|holds)", re.DOTALL)
"""Where a refusal tells a document's id."""

ERASED = "What was told here is erased."


@dataclass(slots=True)
class JobErasure:
    """`lines` of imports are gone, with their `ids` and the `texts` that may have been embedded
    already, None where those are not known; `refusals` and `jobs` count what was told and what was
    cancelled.
    """

    lines: int = 0
    refusals: int = 0
    jobs: int = 0
    ids: set[str] = field(default_factory=set)
    texts: set[str] | None = field(default_factory=set)


def erase_lines(
    *, collection: Collection, ids: Sized[str] | None, metadata_filter: MetadataFilter | None
) -> JobErasure:
    """Take documents out of the imports that are not done with, and cancel what is to embed the
    collection's queries; in the transaction that erases the stored ones, whose lock is held.

    A worker that has lines in hand loses its job, which then begins anew behind the last batch.
    """
    erasure = JobErasure()
    unfinished = Job.objects.filter(collection=collection).exclude(state__in=FINISHED_STATES)
    for job in unfinished.select_for_update(of=("self",)).order_by("pk"):
        if job.kind == JobKind.WARM_CACHE:
            cancel_job(job=job)
            erasure.jobs += 1
        elif job.kind == JobKind.IMPORT:
            _erase_from_import(collection, job, ids, metadata_filter, erasure)
    return erasure


def _erase_from_import(
    collection: Collection,
    job: Job,
    ids: Sized[str] | None,
    metadata_filter: MetadataFilter | None,
    erasure: JobErasure,
) -> None:
    before = erasure.lines
    for part in job.parts.order_by("ordinal").iterator(chunk_size=1):
        lines = gzip.decompress(part.content).split(b"\n")
        wanted = _wanted(lines, ids, metadata_filter)
        if not wanted:
            continue
        for place, line in wanted.items():
            lines[place] = b""  # so that the others keep their numbers
            erasure.lines += 1
            erasure.ids.add(line.external_id)
            _add_texts(collection, line.text, erasure)
        content = gzip.compress(b"\n".join(lines), COMPRESSION)
        JobPart.objects.filter(pk=part.pk).update(content=content)
    if erasure.lines > before and job.lease is not None and SOURCE not in job.params:
        Job.objects.filter(pk=job.pk).update(state=JobState.QUEUED.value, lease=None)
        with suppress(AlreadyEnqueued), transaction.atomic():
            enqueue(job=job)


@dataclass(frozen=True, slots=True)
class _Line:
    """What a line says that may be no valid document at all."""

    external_id: str
    text: str
    metadata: dict[str, Any]


def _wanted(
    lines: list[bytes], ids: Sized[str] | None, metadata_filter: MetadataFilter | None
) -> dict[int, _Line]:
    """The lines of the documents that are meant, by their place."""
    read = {place: line for place, text in enumerate(lines) if (line := _line(text)) is not None}
    if ids is not None:
        read = {place: line for place, line in read.items() if line.external_id in ids}
    if not read:
        return {}
    metadata = [line.metadata for line in read.values()]
    passed = passing(metadata=metadata, metadata_filter=metadata_filter)
    return {place: read[place] for index, place in enumerate(read) if index in passed}


def _line(line: bytes) -> _Line | None:
    try:
        raw = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(raw, dict):
        return None
    text, metadata = raw.get("text"), raw.get("metadata", {})
    text = text if isinstance(text, str) else ""
    config = settings.EMBED
    limits = {"max_bytes": config.max_metadata_bytes, "max_depth": config.max_json_depth}
    if metadata_fault(metadata, **limits) is not None:
        metadata = {}
    return _Line(str(raw["id"]) if "id" in raw else content_id(text, metadata), text, metadata)


def _add_texts(collection: Collection, text: str, erasure: JobErasure) -> None:
    if erasure.texts is None or not text:
        return
    try:
        [spans] = cut_texts(collection=collection, texts=[text])
    except Problem:
        erasure.texts = None
    else:
        erasure.texts |= {text, *(text[slice(*span)] for span in spans)}


def erase_refusals(*, collection: Collection, ids: Sized[str]) -> int:
    """Forget what jobs tell of refused lines that name one of these documents, or why a job failed;
    returns how many.
    """
    erased = 0
    told = Job.objects.filter(collection=collection, kind=JobKind.IMPORT.value)
    for job in told.exclude(refused=[], error="").select_for_update(of=("self",)).order_by("pk"):
        refused = [_without(refusal, ids) for refusal in job.refused]
        changed = sum(one != other for one, other in zip(refused, job.refused, strict=True))
        error = ERASED if _names(job.error, ids) else job.error
        if changed or error != job.error:
            erased += changed + (error != job.error)
            Job.objects.filter(pk=job.pk).update(refused=refused, error=error)
    return erased


def _without(refusal: dict[str, Any], ids: Sized[str]) -> dict[str, Any]:
    if not _names(refusal["detail"], ids):
        return refusal
    return {**refusal, "param": None, "detail": ERASED}


def _names(detail: str, ids: Sized[str]) -> bool:
    found = NAMED.search(detail)
    return found is not None and found[1] in ids


def cancel_warming_for(*, owner_id: int) -> int:
    """Cancel the jobs of others that are to embed texts of this user's; returns how many."""
    cancelled = 0
    warming = Job.objects.filter(kind=JobKind.WARM_CACHE.value).exclude(owner_id=owner_id)
    for job in warming.exclude(state__in=FINISHED_STATES).order_by("pk"):
        part = job.parts.filter(ordinal=0).first()
        items = [] if part is None else json.loads(gzip.decompress(part.content))
        if any(owner == owner_id for owner, _ in items):
            cancel_job(job=job)
            cancelled += 1
    return cancelled
