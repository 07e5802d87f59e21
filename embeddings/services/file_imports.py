"""Imports of a file in the caller's own process, which go on where they were cut off."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embeddings.constants import JobKind, JobState, OnConflict
from embeddings.exceptions import CollectionDeleted
from embeddings.models import Collection, Job
from embeddings.readers.files import Format, file_format
from embeddings.services.import_batches import BATCH_DOCUMENTS
from embeddings.services.imports import OnRefused, import_rows
from embeddings.services.job_runs import (
    SOURCE,
    JobRun,
    record_progress,
    run_by_command,
    take_job,
)
from embeddings.services.jobs import make_job


@dataclass(frozen=True, slots=True)
class FileImport:
    """A file on its way into a collection; the run's job has how far it is."""

    path: Path
    format: Format
    run: JobRun


def open_file_import(
    *,
    owner_id: int,
    collection: Collection,
    path: Path,
    on_conflict: OnConflict,
    restart: bool = False,
    total: int | None = None,
) -> FileImport:
    """The unfinished import of this very file into the collection, or else a new one.

    A file is the same while its place, size and time are; `total` is the number of its rows, if
    they have been counted. Raises UnreadableImport.
    """
    known = file_format(path)
    params = {"on_conflict": on_conflict.value, SOURCE: _identity(path)}
    jobs = Job.objects.filter(kind=JobKind.IMPORT.value, collection=collection, params=params)
    job = jobs.exclude(state=JobState.SUCCEEDED.value).order_by("-created_at", "-pk").first()
    if job is None or restart:
        job = make_job(
            owner_id=owner_id,
            kind=JobKind.IMPORT,
            collection=collection,
            params=params,
            total=known.count(path) if total is None else total,
        )
    run = take_job(job_id=job.pk, again=True)
    if run is None:
        raise CollectionDeleted
    return FileImport(path=path, format=known, run=run)


def run_file_import(
    *,
    file_import: FileImport,
    batch_documents: int = BATCH_DOCUMENTS,
    on_refused: OnRefused | None = None,
    on_batch: Callable[[int], object] | None = None,
) -> None:
    """Import the rows that are left. Raises UnreadableImport, CollectionDeleted, JobLost and
    whatever else ends it early; the job then says so, and waits to be opened again.
    """
    run = file_import.run
    job = run.job
    with run_by_command(
        run=run, interrupted=lambda: f"Interrupted after {job.done}; the same command goes on."
    ):
        import_rows(
            run=run,
            rows=file_import.format.rows(file_import.path, job.done),
            on_conflict=OnConflict(job.params["on_conflict"]),
            batch_documents=batch_documents,
            on_refused=on_refused,
            on_batch=on_batch,
        )
        # Blank lines at the end belong to no batch.
        record_progress(run=run, done=job.total or 0)


def _identity(path: Path) -> dict[str, Any]:
    status = path.stat()
    return {"path": str(path.resolve()), "size": status.st_size, "mtime_ns": status.st_mtime_ns}
