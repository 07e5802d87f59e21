"""Jobs: who sees them, and what becomes of them in good and bad times."""

import uuid
from collections.abc import Callable

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.models import User
from accounts.policy import Action, SiteRole
from embeddings.constants import JobKind, JobState
from embeddings.exceptions import EngineUnavailable, JobFinished, NotFound
from embeddings.models import Job, JobPart
from embeddings.services import job_runs
from embeddings.services.job_runs import (
    JobInterrupted,
    JobLost,
    JobRetry,
    JobRun,
    check_run,
    record_progress,
    retry_delay,
    run_job,
    take_job,
)
from embeddings.services.jobs import cancel_job, get_job, list_jobs, start_job
from embeddings.services.stalled_jobs import retry_stalled_jobs
from tests.factories import make_collection, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return make_user("alice")


def make_job(owner: User, kind: JobKind = JobKind.IMPORT) -> Job:
    collection = make_collection(owner=owner)
    return start_job(owner_id=owner.pk, kind=kind, collection=collection, total=10)


def run(job: Job, work: Callable[[JobRun], None]) -> Job:
    run_job(job_id=job.pk, work=work)
    job.refresh_from_db()
    return job


def failing(error: BaseException) -> Callable[[JobRun], None]:
    def work(_: JobRun) -> None:
        raise error

    return work


def test_it_works(alice: User) -> None:
    job = make_job(alice)
    assert job.state == JobState.QUEUED
    queued = ProcrastinateJob.objects.get(args__job_id=str(job.pk))
    assert (queued.task_name, queued.status) == ("import", "todo")
    run(job, lambda run: record_progress(run=run, done=10, result={"added": 10}))
    assert (job.state, job.done, job.result, job.error) == ("succeeded", 10, {"added": 10}, "")
    assert job.rate
    assert job.started_at
    assert job.finished_at
    assert job.lease is None


def test_a_job_and_its_place_in_the_queue_come_together(alice: User) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        make_job(alice)
        raise RuntimeError
    assert not Job.objects.exists()
    assert not ProcrastinateJob.objects.exists()


def test_owners_see_their_jobs_and_operators_all(alice: User) -> None:
    job = make_job(alice)
    bob, charlie = make_user("bob", SiteRole.OPERATOR), make_user("charlie")
    for user in (alice, bob):
        assert get_job(principal=user.as_principal(), job_id=job.pk) == job
        assert list_jobs(principal=user.as_principal(), limit=10) == [job]
    with pytest.raises(NotFound):
        get_job(principal=charlie.as_principal(), job_id=job.pk)
    with pytest.raises(NotFound):
        get_job(principal=charlie.as_principal(), job_id=job.pk, action=Action.OPERATE)
    assert list_jobs(principal=charlie.as_principal(), limit=10) == []


def test_the_list_is_newest_first_and_goes_on_behind_a_key(alice: User) -> None:
    jobs = [make_job(alice) for _ in range(5)]
    Job.objects.update(created_at=timezone.now())  # the id must tell them apart
    newest = sorted(jobs, key=lambda job: job.pk, reverse=True)
    seen: list[Job] = []
    after = None
    while page := list_jobs(principal=alice.as_principal(), after=after, limit=2):
        seen += page
        after = (page[-1].created_at, page[-1].pk)
    assert seen == newest


def test_the_list_is_narrowed(alice: User) -> None:
    job, other = make_job(alice), make_job(alice, JobKind.BUILD_INDEX)
    assert job.collection
    principal = alice.as_principal()
    run(other, lambda _: None)
    assert list_jobs(principal=principal, kind=JobKind.IMPORT, limit=10) == [job]
    assert list_jobs(principal=principal, state=JobState.SUCCEEDED, limit=10) == [other]
    assert list_jobs(principal=principal, collection=job.collection.name, limit=10) == [job]


def test_a_fault_of_the_input_fails_at_once(alice: User) -> None:
    job = run(make_job(alice), failing(NotFound()))
    assert (job.state, job.error) == ("failed", NotFound().detail)
    assert job.finished_at


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (EngineUnavailable(), "model is not ready"),
        (OperationalError("secret"), "could not be reached"),
        (ValueError("secret"), "went wrong inside"),
    ],
)
def test_other_failures_are_tried_again_and_parked(
    alice: User, error: Exception, text: str
) -> None:
    job = make_job(alice)
    for attempt in range(1, 5):
        with pytest.raises(JobRetry) as caught:
            run(job, failing(error))
        assert caught.value.delay > 0
        job.refresh_from_db()
        assert (job.state, job.attempts) == ("queued", attempt)
        assert text in job.error
        assert "secret" not in job.error
    run(job, failing(error))
    assert (job.state, job.attempts) == ("parked", 5)
    assert text in job.error
    assert "secret" not in job.error
    assert take_job(job_id=job.pk) is None


def test_only_attempts_without_progress_count(alice: User) -> None:
    job = make_job(alice)

    def work(run: JobRun) -> None:
        record_progress(run=run, done=run.job.done + 1)
        raise ValueError

    for _ in range(8):
        with pytest.raises(JobRetry):
            run(job, work)
    job.refresh_from_db()
    assert (job.state, job.attempts, job.done) == ("queued", 1, 8)


def test_the_delay_grows_and_is_jittered() -> None:
    delays = [[retry_delay(attempt=attempt) for _ in range(50)] for attempt in (1, 2, 3, 30)]
    for bound, sample in zip((2, 4, 8, 300), delays, strict=True):
        assert all(bound / 2 <= delay <= bound for delay in sample)
        assert len(set(sample)) > 1


def test_a_job_that_kills_its_workers_is_parked(alice: User) -> None:
    job = make_job(alice)
    for _ in range(5):
        assert take_job(job_id=job.pk)
    assert take_job(job_id=job.pk) is None
    job.refresh_from_db()
    assert job.state == JobState.PARKED
    assert "ended unexpectedly" in job.error


def test_an_interrupted_job_goes_back_and_does_not_count_as_an_attempt(alice: User) -> None:
    job = make_job(alice)
    with pytest.raises(JobRetry) as caught:
        run_job(job_id=job.pk, work=lambda run: check_run(run=run), should_stop=lambda: True)
    assert caught.value.delay == 0
    job.refresh_from_db()
    assert (job.state, job.attempts, job.lease) == ("queued", 0, None)


def test_whoever_lost_the_job_can_write_nothing(alice: User) -> None:
    job = make_job(alice)
    first = take_job(job_id=job.pk)
    second = take_job(job_id=job.pk)
    assert first
    assert second
    with pytest.raises(JobLost):
        check_run(run=first)
    with pytest.raises(JobLost):
        record_progress(run=first, done=5)
    record_progress(run=second, done=3)
    job.refresh_from_db()
    assert (job.done, job.state) == (3, "running")


def test_a_job_lost_during_its_work_is_left_alone(alice: User) -> None:
    job = make_job(alice)
    for error in (None, ValueError(), NotFound(), JobInterrupted()):

        def work(_: JobRun, error: Exception | None = error) -> None:
            take_job(job_id=job.pk)
            Job.objects.update(attempts=1)
            if error:
                raise error

        try:
            run_job(job_id=job.pk, work=work)
        except JobRetry:
            assert isinstance(error, JobInterrupted)
        job.refresh_from_db()
        assert job.state == JobState.RUNNING
        assert job.lease


def test_cancelling_a_queued_job(alice: User) -> None:
    job = make_job(alice)
    JobPart.objects.create(job=job, ordinal=0, first_line=1, content=b"x")
    cancelled = cancel_job(job=job)
    assert (cancelled.state, cancelled.lease) == ("cancelled", None)
    assert cancelled.finished_at
    assert not JobPart.objects.exists()
    run_job(job_id=job.pk, work=failing(AssertionError()))
    with pytest.raises(JobFinished, match="cancelled already"):
        cancel_job(job=job)


def test_cancelling_a_running_job(alice: User) -> None:
    job = make_job(alice)

    def work(run: JobRun) -> None:
        record_progress(run=run, done=4)
        cancel_job(job=job)
        check_run(run=run)
        raise AssertionError

    run(job, work)
    assert (job.state, job.done) == ("cancelled", 4)
    assert job.error == "Cancelled on request after 4 of 10; what was stored stays."


@pytest.mark.parametrize("state", ["succeeded", "failed"])
def test_a_finished_job_is_not_cancelled(alice: User, state: str) -> None:
    job = run(make_job(alice), (lambda _: None) if state == "succeeded" else failing(NotFound()))
    with pytest.raises(JobFinished, match=state):
        cancel_job(job=job)


def test_a_job_that_nobody_knows_is_no_failure() -> None:
    run_job(job_id=uuid.uuid4(), work=failing(AssertionError()))


def test_a_job_whose_place_in_the_queue_is_gone_gets_a_new_one(alice: User) -> None:
    job = make_job(alice)
    run(make_job(alice), lambda _: None)
    command = make_job(alice)
    Job.objects.filter(pk=command.pk).update(params={job_runs.SOURCE: {}})
    ProcrastinateJob.objects.all().delete()
    assert retry_stalled_jobs() == 1
    assert ProcrastinateJob.objects.get().args == {"job_id": str(job.pk)}
    assert retry_stalled_jobs() == 0
