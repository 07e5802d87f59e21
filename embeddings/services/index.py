"""When a collection gets its HNSW index, or another one: as a job, while searches go on."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import cache

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from embeddings.constants import (
    STORAGE_MAX_DIMENSIONS,
    UNFINISHED_STATES,
    IndexState,
    IndexStorage,
    JobKind,
    JobState,
)
from embeddings.exceptions import CollectionDeleted, IndexBusy
from embeddings.models import Collection, Generation, Job
from embeddings.services.job_runs import SOURCE, JobRun, check_run, run_job, show_progress
from embeddings.services.jobs import start_job
from embeddings.store import index as store
from embeddings.types.index import IndexChange, IndexSettings, check_index

INDEX_KINDS = (JobKind.BUILD_INDEX.value, JobKind.REINDEX.value)
GENERATION = "generation"
UNCHANGED = IndexChange()
FORSAKEN_AFTER = timedelta(seconds=10)
"""A command has its build under way by then."""


def request_index_if_due(*, collection: Collection) -> Job | None:
    """The job that builds the index, started for the collection's owner; None where no index is
    due.
    """
    generation = collection.generation
    limit = STORAGE_MAX_DIMENSIONS[IndexStorage(generation.storage)]
    if generation.index_state != IndexState.NONE or generation.dimensions > limit:
        return None
    if not is_large(generation=generation):
        return None
    active = Collection.objects.filter(active=OuterRef("pk"))
    with transaction.atomic():
        # The state in the UPDATE's own condition lets one of several callers win.
        due = Generation.objects.filter(
            Exists(active), pk=generation.pk, index_state=IndexState.NONE.value
        )
        if not due.update(index_state=IndexState.BUILDING.value):
            return None
        generation.index_state = IndexState.BUILDING.value
        return start_job(
            owner_id=collection.owner_id,
            kind=JobKind.BUILD_INDEX,
            collection=collection,
            params={GENERATION: generation.pk},
        )


def is_large(*, generation: Generation) -> bool:
    """Whether it has so many chunks that an index pays."""
    return store.has_chunks(generation=generation, at_least=settings.EMBED.index_threshold)


def start_reindex(*, collection: Collection, change: IndexChange = UNCHANGED) -> Job:
    """The job, of the collection's owner, that builds its index anew, or for the first time,
    whatever its size. Raises IndexBusy, InvalidIndex.
    """
    with transaction.atomic():
        params = prepare_reindex(collection=collection, change=change)
        return start_job(
            owner_id=collection.owner_id,
            kind=JobKind.REINDEX,
            collection=collection,
            params=params,
        )


def change_index(*, collection: Collection, change: IndexChange) -> None:
    """Give the collection's index other settings: at once where there is none yet, else by a job
    whose index takes the present one's place. Raises IndexBusy, InvalidIndex.
    """
    generation = collection.generation
    current = IndexSettings.of(generation)
    wanted = current.changed(change)
    if wanted == current:
        return
    check_index(settings=wanted, dimensions=generation.dimensions)
    if generation.index_state != IndexState.NONE:
        start_reindex(collection=collection, change=change)
        return
    unindexed = Generation.objects.filter(pk=generation.pk, index_state=IndexState.NONE.value)
    if not unindexed.update(**wanted.as_columns()):
        start_reindex(collection=collection, change=change)
        return
    for name, value in wanted.as_columns().items():
        setattr(generation, name, value)


def prepare_reindex(*, collection: Collection, change: IndexChange) -> dict[str, object]:
    """Parameters of a job that may start now, inside the caller's transaction. Raises IndexBusy,
    InvalidIndex.
    """
    # The row's lock lets one of several callers win.
    generations = Generation.objects.select_for_update(no_key=True)
    generation = generations.get(pk=collection.generation.pk)
    end_forsaken_jobs()
    running = index_job(collection=collection)
    if running is not None:
        raise IndexBusy(job=running.pk)
    wanted = IndexSettings.of(generation).changed(change)
    check_index(settings=wanted, dimensions=generation.dimensions)
    if generation.index_state == IndexState.NONE:
        Generation.objects.filter(pk=generation.pk).update(index_state=IndexState.BUILDING.value)
    return {GENERATION: generation.pk, **wanted.as_columns()}


def index_job(*, collection: Collection) -> Job | None:
    """The job that builds the collection's index, or waits to."""
    jobs = Job.objects.filter(collection=collection, kind__in=INDEX_KINDS)
    return jobs.filter(state__in=UNFINISHED_STATES).order_by("created_at").first()


def end_forsaken_jobs() -> None:
    """End the jobs of commands that were killed, which no worker will ever take."""
    jobs = Job.objects.filter(
        kind__in=INDEX_KINDS,
        state__in=UNFINISHED_STATES,
        params__has_key=SOURCE,
        started_at__lt=Now() - FORSAKEN_AFTER,
    )
    alive = store.building_generations() if jobs.exists() else set()
    jobs.exclude(params__generation__in=alive).update(
        state=JobState.PARKED.value,
        lease=None,
        error="The command that ran it was ended.",
        finished_at=Now(),
    )


def build_index(*, job_id: uuid.UUID, should_stop: Callable[[], bool]) -> None:
    """Run the job; a build that ended without an index leaves the way free for the next request.

    Raises JobRetry.
    """
    run_job(job_id=job_id, work=build, should_stop=should_stop)
    release_index(job_id=job_id)


def release_index(*, job_id: uuid.UUID) -> None:
    """Let the next request have its way, if the job has ended without an index."""
    job = Job.objects.filter(pk=job_id).first()
    if job is not None and job.state in (JobState.FAILED, JobState.PARKED, JobState.CANCELLED):
        Generation.objects.filter(
            pk=job.params[GENERATION], index_state=IndexState.BUILDING.value
        ).update(index_state=IndexState.NONE.value)


def build(
    run: JobRun, on_progress: Callable[[int, int], None] = lambda _done, _total: None
) -> None:
    """The work of such a job: the index that its parameters describe. `on_progress` takes chunks
    done and of how many. Raises CollectionDeleted, JobInterrupted, JobLost.
    """
    params = run.job.params
    generations = Generation.objects.filter(pk=params[GENERATION])
    generation = generations.first()
    if generation is None:
        raise CollectionDeleted
    columns = {
        name: params[name] for name in IndexSettings.of(generation).as_columns() if name in params
    }
    for name, value in columns.items():
        setattr(generation, name, value)
    share = 0.0

    @cache
    def total() -> int:
        return store.count_chunks(generation_id=generation.pk)

    def watch(progress: store.BuildProgress) -> None:
        nonlocal share
        check_run(run=run)
        if not generations.exists():
            raise CollectionDeleted
        share = max(share, progress.share)
        done = int(share * total())
        result = {"phase": progress.phase} if progress.phase else {}
        show_progress(run=run, done=done, total=total(), result=result)
        on_progress(done, total())

    def take_over() -> None:
        if not generations.update(**columns, index_state=IndexState.READY.value):
            raise CollectionDeleted
        show_progress(run=run, done=total(), total=total(), result={})

    store.build_index(generation=generation, on_wait=watch, in_swap=take_over)
    on_progress(total(), total())
