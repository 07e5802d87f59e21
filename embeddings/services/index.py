"""When a collection gets its HNSW index: once, when it has grown past a size, as a job."""

import uuid
from collections.abc import Callable

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from embeddings.constants import HNSW_MAX_DIMENSIONS, IndexState, JobKind, JobState
from embeddings.exceptions import CollectionDeleted
from embeddings.models import Collection, Generation, Job
from embeddings.services.job_runs import JobRun, record_progress, run_job
from embeddings.services.jobs import start_job
from embeddings.store import index as store


def request_index_if_due(*, collection: Collection) -> Job | None:
    """The job that builds the index, started for the collection's owner; None where no index is
    due.
    """
    generation = collection.generation
    if generation.index_state != IndexState.NONE or generation.dimensions > HNSW_MAX_DIMENSIONS:
        return None
    large = Collection.objects.filter(
        active=OuterRef("pk"), document_count__gte=settings.EMBED.index_threshold
    )
    with transaction.atomic():
        # The state in the UPDATE's own condition lets one of several callers win.
        due = Generation.objects.filter(
            Exists(large), pk=generation.pk, index_state=IndexState.NONE.value
        )
        if not due.update(index_state=IndexState.BUILDING.value):
            return None
        generation.index_state = IndexState.BUILDING.value
        return start_job(
            owner_id=collection.owner_id,
            kind=JobKind.BUILD_INDEX,
            collection=collection,
            params={"generation": generation.pk},
            total=1,
        )


def build_index(*, job_id: uuid.UUID, should_stop: Callable[[], bool]) -> None:
    """Run the job; a build that ended without an index leaves the way free for the next request.

    Raises JobRetry.
    """
    run_job(job_id=job_id, work=_build, should_stop=should_stop)
    job = Job.objects.filter(pk=job_id).first()
    if job is not None and job.state in (JobState.FAILED, JobState.PARKED, JobState.CANCELLED):
        Generation.objects.filter(
            pk=job.params["generation"], index_state=IndexState.BUILDING.value
        ).update(index_state=IndexState.NONE.value)


def _build(run: JobRun) -> None:
    generation = Generation.objects.filter(pk=run.job.params["generation"]).first()
    if generation is None:
        raise CollectionDeleted
    store.build_index(generation=generation)
    Generation.objects.filter(pk=generation.pk).update(index_state=IndexState.READY.value)
    record_progress(run=run, done=1)
