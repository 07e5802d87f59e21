"""Jobs that failed, or are parked, begun again where they stopped."""

from contextlib import suppress

from django.db import transaction
from procrastinate.exceptions import AlreadyEnqueued

from accounts.services.audit import record
from embeddings.constants import IndexState, JobKind, JobState
from embeddings.exceptions import IndexBusy, JobNotRetriable
from embeddings.models import Generation, Job
from embeddings.services.index import GENERATION, INDEX_KINDS, index_job
from embeddings.services.job_runs import SOURCE
from embeddings.services.jobs import enqueue

RETRIABLE = (JobState.FAILED.value, JobState.PARKED.value)
WITH_INPUT = (JobKind.IMPORT.value, JobKind.WARM_CACHE.value)
"""Their input is kept while they are not done with, and while they are parked."""


def retry_job(*, job: Job) -> Job:
    """Queue the job again, with all its attempts; what it has stored stays. Raises JobNotRetriable,
    and IndexBusy where another builds the collection's index by now.
    """
    shown_collection = job.shown_collection
    with transaction.atomic():
        job = (
            Job.objects.select_for_update(of=("self",))
            .select_related("collection__active", "owner")
            .get(pk=job.pk)
        )
        _require_retriable(job)
        if job.kind in INDEX_KINDS:
            _claim_index(job)
        before = {"state": job.state, "error": job.error}
        job.state = JobState.QUEUED.value
        job.error = ""
        job.attempts = 0
        job.finished_at = None
        job.save(update_fields=["state", "error", "attempts", "finished_at"])
        with suppress(AlreadyEnqueued), transaction.atomic():  # it has a place in the queue yet
            enqueue(job=job)
        record(
            event="job.retry",
            object_type="job",
            object_id=str(job.pk),
            collection_id=job.collection_id,
            before=before,
            after={"kind": job.kind, "done": job.done},
        )
    job.shown_collection = shown_collection
    return job


def is_retriable(job: Job) -> bool:
    """Whether a retry has something to begin with, by what the row alone says."""
    return (
        job.state in RETRIABLE
        and SOURCE not in job.params
        and (job.state == JobState.PARKED or job.kind not in WITH_INPUT)
    )


def _require_retriable(job: Job) -> None:
    if job.state not in RETRIABLE:
        raise JobNotRetriable(reason=f"it is {job.state}, and neither failed nor parked.")
    if SOURCE in job.params:
        raise JobNotRetriable(reason="a command ran it, which goes on when it is run again.")
    if job.kind in WITH_INPUT and not job.parts.exists():
        raise JobNotRetriable(reason="its input is not kept any more; send it again.")


def _claim_index(job: Job) -> None:
    """As who starts such a job does."""
    generations = Generation.objects.select_for_update(no_key=True)
    generation = generations.filter(pk=job.params[GENERATION]).first()
    if generation is None or job.collection is None:
        return  # the job itself will say so
    running = index_job(collection=job.collection)
    if running is not None:
        raise IndexBusy(job=running.pk)
    if generation.index_state == IndexState.NONE:
        generation.index_state = IndexState.BUILDING.value
        generation.save(update_fields=["index_state"])
