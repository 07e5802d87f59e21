"""Jobs that failed are begun again where they stopped."""

from collections.abc import Callable
from typing import Any

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.models import AuditEntry
from embeddings.constants import IndexState, JobKind, JobState, OnConflict
from embeddings.exceptions import EngineUnavailable, IndexBusy, JobNotRetriable, UnknownModel
from embeddings.models import Collection, Generation, Job
from embeddings.services import imports
from embeddings.services.imports import run_import, start_import
from embeddings.services.index import GENERATION, start_reindex
from embeddings.services.job_retry import is_retriable, retry_job
from embeddings.services.job_runs import SOURCE
from embeddings.services.jobs import cancel_job, start_job
from tests.factories import make_collection

pytestmark = pytest.mark.django_db


@pytest.fixture
def collection() -> Collection:
    return make_collection("drinks")


def ended(job: Job, state: JobState, **values: Any) -> Job:
    """As its worker leaves it."""
    ProcrastinateJob.objects.all()._raw_delete(using="default")
    values = {"state": state.value, "attempts": 5, "error": "It broke.", **values}
    Job.objects.filter(pk=job.pk).update(**values)
    job.refresh_from_db()
    return job


def make_job(collection: Collection, kind: JobKind = JobKind.MEASURE_RECALL, **params: Any) -> Job:
    return start_job(owner_id=collection.owner_id, kind=kind, collection=collection, params=params)


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.PARKED])
def test_it_works(collection: Collection, state: JobState) -> None:
    job = ended(make_job(collection), state, done=7)
    assert is_retriable(job)
    retried = retry_job(job=job)
    job.refresh_from_db()
    assert retried == job
    assert (job.state, job.attempts, job.error, job.done) == (JobState.QUEUED, 0, "", 7)
    assert job.finished_at is None
    assert ProcrastinateJob.objects.get().args == {"job_id": str(job.pk)}
    made = AuditEntry.objects.get(event="job.retry")
    assert (made.object_id, made.collection_id) == (str(job.pk), collection.pk)
    assert made.before == {"state": state.value, "error": "It broke."}


@pytest.mark.parametrize("error", [EngineUnavailable(), UnknownModel(model="gone", known="others")])
def test_an_import_goes_on_behind_what_is_stored(
    collection: Collection, monkeypatch: pytest.MonkeyPatch, settings: Any, error: Exception
) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"job_max_attempts": 1})
    lines = b'{"id": "a", "text": "tea"}\n{"id": "b", "text": "milk"}\n'
    job = start_import(
        owner_id=collection.owner_id,
        collection=collection,
        chunks=[lines],
        gzip=False,
        on_conflict=OnConflict.UPSERT,
    )
    with monkeypatch.context() as patched:
        patched.setattr(imports, "store_documents", failing(error))
        run_import(job_id=job.pk, should_stop=lambda: False)
    job.refresh_from_db()
    assert job.state == JobState.PARKED
    ended(job, JobState.PARKED)
    retry_job(job=job)
    run_import(job_id=job.pk, should_stop=lambda: False)
    job.refresh_from_db()
    collection.refresh_from_db()
    assert (job.state, job.done, collection.document_count) == (JobState.SUCCEEDED, 2, 2)


def failing(error: Exception) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    "state", [JobState.QUEUED, JobState.RUNNING, JobState.SUCCEEDED, JobState.CANCELLED]
)
def test_only_what_failed_is_retried(collection: Collection, state: JobState) -> None:
    job = ended(make_job(collection), state)
    assert not is_retriable(job)
    with pytest.raises(JobNotRetriable, match=f"it is {state}, and neither"):
        retry_job(job=job)


def test_what_has_nothing_to_begin_with_is_refused(collection: Collection) -> None:
    gone = ended(make_job(collection, JobKind.IMPORT), JobState.FAILED)
    commanded = ended(
        make_job(collection, JobKind.IMPORT, **{SOURCE: "lines.ndjson"}), JobState.PARKED
    )
    assert not is_retriable(gone)
    assert not is_retriable(commanded)
    with pytest.raises(JobNotRetriable, match="its input is not kept any more; send it again"):
        retry_job(job=gone)
    with pytest.raises(JobNotRetriable, match="a command ran it"):
        retry_job(job=commanded)
    assert not AuditEntry.objects.filter(event="job.retry").exists()


def test_one_job_at_a_time_builds_an_index(collection: Collection) -> None:
    params = {GENERATION: collection.generation.pk}
    job = ended(make_job(collection, JobKind.BUILD_INDEX, **params), JobState.FAILED)
    running = start_reindex(collection=collection)
    with pytest.raises(IndexBusy):
        retry_job(job=job)
    cancel_job(job=running)
    Generation.objects.update(index_state=IndexState.NONE.value)
    retry_job(job=job)
    assert Generation.objects.get().index_state == IndexState.BUILDING
    with pytest.raises(IndexBusy):
        start_reindex(collection=collection)
