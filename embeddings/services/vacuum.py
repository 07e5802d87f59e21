"""Ridding a collection's tables of dead rows when an operator asks, as a job."""

import uuid
from collections.abc import Callable

from embeddings.constants import JobKind
from embeddings.exceptions import CollectionDeleted
from embeddings.models import Collection, Job
from embeddings.services.job_runs import JobRun, check_run, record_progress, run_job
from embeddings.services.jobs import start_job
from embeddings.store.partitions import chunks_table, documents_table, terms_table
from embeddings.store.vacuum import vacuum


def start_vacuum(*, collection: Collection) -> Job:
    """A job of the collection's owner that does VACUUM and ANALYZE on its tables."""
    return start_job(owner_id=collection.owner_id, kind=JobKind.VACUUM, collection=collection)


def run_vacuum(*, job_id: uuid.UUID, should_stop: Callable[[], bool]) -> None:
    """Run such a job. Raises JobRetry."""
    run_job(job_id=job_id, work=_vacuum, should_stop=should_stop)


def _vacuum(run: JobRun) -> None:
    collection = run.job.collection
    if collection is None:
        raise CollectionDeleted
    tables = [
        documents_table(collection.pk),
        terms_table(collection.pk),
        *(chunks_table(pk) for pk in collection.generations.values_list("pk", flat=True)),
    ]
    vacuum(
        tables=tables,
        on_table=lambda done: record_progress(run=run, done=done, total=len(tables)),
        on_wait=lambda: check_run(run=run),
    )
