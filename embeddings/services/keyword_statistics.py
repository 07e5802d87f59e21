"""The words of documents, stored with them, and what is known of all of a collection's: exact with
each refresh, which comes by itself like ANALYZE.
"""

import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone

from embeddings.constants import UNFINISHED_STATES, JobKind, JobState
from embeddings.exceptions import CollectionDeleted
from embeddings.models import Collection, Job, KeywordStatistics
from embeddings.services.collection import lock_collection
from embeddings.services.job_runs import JobRun, check_run, record_progress, run_job
from embeddings.services.jobs import start_job
from embeddings.store import keyword as store

SMALL = 1_000
"""Up to so many documents the weights are kept within DRIFT by every write, without a refresh."""

DRIFT = 0.1
"""How far the average length may be from the one that weights were computed with, as a share.
Where it is further, they are computed anew without being asked to."""

BATCH = 1_000

CHANGED_DOCUMENTS = 1_000
CHANGED_SHARE = 0.2
"""A refresh is due after so many changes and so large a share of the collection."""

PAUSE = timedelta(seconds=30)
"""Between the starts of two refreshes of one collection."""

Step = Callable[[int], object]
"""Hears of progress: how many documents are done."""


def store_terms(*, collection: Collection, ids: Sequence[uuid.UUID]) -> None:
    """Store the words of these documents, whose texts are new; in the transaction that stores
    them.
    """
    if not ids:
        return
    counted = store.store_terms(collection_id=collection.pk, language=collection.language, ids=ids)
    if counted <= SMALL:
        store.reweigh(collection_id=collection.pk, drift=DRIFT, limit=SMALL)


def refresh_keywords(
    *, collection: Collection, drift: float = DRIFT, step: Step = lambda _: None
) -> int:
    """Add the words that are missing, count anew, and compute anew the weights whose average length
    is off by more than `drift`; returns how many documents changed. Raises NotFound, where the
    collection is gone.
    """
    done = 0
    while ids := store.unstored(collection_id=collection.pk, limit=BATCH):
        with transaction.atomic():
            lock_collection(collection)
            store_terms(collection=collection, ids=ids)
        done += len(ids)
        step(done)
    with transaction.atomic():
        store.refresh_statistics(collection_id=collection.pk)
    while changed := _reweigh(collection, drift):
        done += changed
        step(done)
    store.tidy(collection_id=collection.pk)
    return done


def _reweigh(collection: Collection, drift: float) -> int:
    with transaction.atomic():
        lock_collection(collection)  # or two writers might wait for each other's rows
        return store.reweigh(collection_id=collection.pk, drift=drift, limit=BATCH)


def start_refresh(*, collection: Collection) -> Job:
    """A job of the collection's owner that counts its words anew."""
    return start_job(
        owner_id=collection.owner_id, kind=JobKind.REFRESH_KEYWORDS, collection=collection
    )


def stale_keywords() -> dict[uuid.UUID, int]:
    """The collections of which enough has changed for a refresh, each with how many documents
    changed since the last.
    """
    return {each.collection_id: each.changes for each in _stale()}


def known_languages() -> list[str]:
    """What a collection's `language` may be, by name."""
    return store.languages()


def start_due_refreshes() -> int:
    """Start a job for each collection of which enough has changed; returns how many. One that has
    just been refreshed waits, and so does one whose job waits for a person.
    """
    recent = Q(created_at__gt=timezone.now() - PAUSE)
    waiting = Q(state__in=[*UNFINISHED_STATES, JobState.PARKED])
    jobs = Job.objects.filter(
        recent | waiting, kind=JobKind.REFRESH_KEYWORDS.value, collection=OuterRef("collection")
    )
    started = 0
    for statistics in _stale().filter(~Exists(jobs)).select_related("collection"):
        start_refresh(collection=statistics.collection)
        started += 1
    return started


def _stale() -> QuerySet[KeywordStatistics]:
    enough = Greatest(CHANGED_DOCUMENTS, F("refreshed_documents") * CHANGED_SHARE)
    return KeywordStatistics.objects.filter(changes__gte=enough)


def run_refresh(*, job_id: uuid.UUID, should_stop: Callable[[], bool]) -> None:
    """Run the job. Raises JobRetry."""
    run_job(job_id=job_id, work=_refresh, should_stop=should_stop)


def _refresh(run: JobRun) -> None:
    if run.job.collection is None:
        raise CollectionDeleted

    def step(done: int) -> None:
        check_run(run=run)
        record_progress(run=run, done=done)

    refresh_keywords(collection=run.job.collection, step=step)
