"""Deleting the many documents that a filter lets through, as a job."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction

from accounts.policy import Action
from embeddings.constants import JobKind
from embeddings.models import Collection, Job
from embeddings.services.collection import lock_collection
from embeddings.services.documents import note_deleted
from embeddings.services.job_runs import JobRun, check_run, record_progress, run_job
from embeddings.services.jobs import owners_collection, start_job
from embeddings.services.row_filter import within_view
from embeddings.store import documents as store
from embeddings.types.filter import parse_filter

BATCH_DOCUMENTS = 200
"""Deleted in one transaction, for which who writes to the collection waits."""


def start_deletion(
    *, owner_id: int, collection: Collection, metadata_filter: Mapping[str, Any], total: int
) -> Job:
    """A job of this user that deletes what the filter lets through now, about `total` documents.
    Raises InvalidFilter.
    """
    parse_filter(metadata_filter)
    return start_job(
        owner_id=owner_id,
        kind=JobKind.DELETE_DOCUMENTS,
        collection=collection,
        params={"filter": metadata_filter},
        total=total,
    )


def run_deletion(*, job_id: uuid.UUID, should_stop: Callable[[], bool]) -> None:
    """Run such a job. Raises JobRetry."""
    run_job(job_id=job_id, work=_delete, should_stop=should_stop)


def _delete(run: JobRun) -> None:
    asked = parse_filter(run.job.params["filter"])
    after, done = None, run.job.done
    while True:
        check_run(run=run)
        collection = owners_collection(job=run.job, action=Action.WRITE)
        wanted = within_view(collection=collection, metadata_filter=asked)
        with transaction.atomic():
            lock_collection(collection)
            batch = store.select_documents(
                collection_id=collection.pk,
                metadata_filter=wanted,
                after=after,
                limit=BATCH_DOCUMENTS,
            )
            if not batch:
                return
            after = batch[-1].pk
            # What was written since stays: nobody has agreed to that.
            ids = [each.pk for each in batch if each.updated_at <= run.job.created_at]
            if ids:
                deleted = store.delete_ids(collection_id=collection.pk, ids=ids)
                note_deleted(collection=collection, deleted=deleted)
                done += deleted
            record_progress(run=run, done=done)
