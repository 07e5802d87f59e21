"""Jobs as their workers see them: taken, kept in step with the work, ended, retried.

Whoever runs a job holds its lease. Every write is bound to the lease, so a worker that was thought
dead, or whose job was cancelled, can change nothing any more.
"""

import math
import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now

from accounts.actor import Actor, acting
from accounts.exceptions import Problem, QuotaExceeded
from accounts.payer import Payer, paying
from embeddings.constants import UNFINISHED_STATES, JobState
from embeddings.exceptions import CollectionDeleted, JobFinished, JobForbidden
from embeddings.models import Job, JobPart
from embeddings.services.jobs import cancel_job, payer_of, require_right
from embeddings.telemetry import job_finished, log, log_context

RETRY_BASE_S = 2.0
RETRY_MAX_S = 300.0
BUDGET_WAIT_S = 900.0
"""So long a job without a token budget waits at most: its limit may be raised any time."""

RIGHT_CHECK_S = 2.0
"""So long a job may go on without asking whether its owner still has the right to it."""

SOURCE = "source"
"""The parameter of a job that a command runs in its own process, without the queue."""


class JobLost(Exception):
    """Another worker has the job now, or it was cancelled."""


class JobInterrupted(Exception):
    """This worker is asked to stop; another goes on with the job."""


class JobRetry(Exception):
    """The job's next attempt, `delay` seconds from now."""

    def __init__(self, delay: float) -> None:
        self.delay = delay
        super().__init__(f"next attempt in {delay:.1f} s")


def _never() -> bool:
    return False


@dataclass(slots=True)
class JobRun:
    """A job in the hands of this worker."""

    job: Job
    lease: uuid.UUID
    should_stop: Callable[[], bool] = _never
    done_before: int = 0
    started: float = field(default_factory=time.monotonic)
    right_checked: float = -math.inf


def run_job(
    *,
    job_id: uuid.UUID,
    work: Callable[[JobRun], None],
    should_stop: Callable[[], bool] = _never,
) -> None:
    """Take the job, do the work, and record how it ended; does nothing about a finished job.

    Raises JobRetry when the work is to be tried again.
    """
    run = take_job(job_id=job_id, should_stop=should_stop)
    if run is None:
        return
    context = log_context(job_id=str(job_id), request_id=run.job.request_id)
    with context, acting(_owner(run.job)), paying(payer_of(run.job)):
        log.info("job_started", kind=run.job.kind, attempt=run.job.attempts)
        try:
            work(run)
            finish_run(run=run)
        except JobLost:
            log.info("job_lost")
        except JobInterrupted:
            _hand_back(run)
            raise JobRetry(0) from None
        except Exception as error:  # noqa: BLE001  whatever it is, the row must tell the owner
            if not connection.in_atomic_block:
                # A connection that broke under the work would break the record of it too.
                connection.close_if_unusable_or_obsolete()
            delay = record_failure(run=run, error=error)
            if delay is not None:
                raise JobRetry(delay) from None


def _owner(job: Job) -> Actor:
    return Actor(
        user_id=job.owner_id,
        username=job.owner.username,
        credential="job",
        request_id=job.request_id,
    )


def take_job(
    *, job_id: uuid.UUID, should_stop: Callable[[], bool] = _never, again: bool = False
) -> JobRun | None:
    """The job under a new lease, or None when there is nothing to do; `again` takes a parked or
    cancelled one too.
    """
    lease = uuid.uuid4()
    jobs = Job.objects.filter(pk=job_id)
    if not again:
        jobs = jobs.filter(state__in=UNFINISHED_STATES)
    taken = jobs.update(
        state=JobState.RUNNING.value,
        lease=lease,
        attempts=F("attempts") + 1,
        started_at=Coalesce("started_at", Now()),
        finished_at=None,
        error="",
    )
    if not taken:
        return None
    job = Job.objects.select_related("collection__active", "owner").get(pk=job_id)
    run = JobRun(job=job, lease=lease, should_stop=should_stop, done_before=job.done)
    if not again and job.attempts > settings.EMBED.job_max_attempts:
        # Its workers died, or they would have counted: this job may be what kills them.
        park_run(run=run, error="The worker ended unexpectedly in every attempt.")
        return None
    return run


def check_run(*, run: JobRun) -> None:
    """Between two steps of the work: raises JobInterrupted, JobLost, and JobForbidden soon after
    who asked for the job lost the right to it.
    """
    if run.should_stop():
        raise JobInterrupted
    if not Job.objects.filter(pk=run.job.pk, lease=run.lease).exists():
        raise JobLost
    if time.monotonic() - run.right_checked >= RIGHT_CHECK_S:
        require_right(job=run.job)
        run.right_checked = time.monotonic()


def record_progress(*, run: JobRun, done: int, **changes: Any) -> None:
    """Say how far the work is; inside the transaction that stores the step's results, this makes
    the step happen exactly once. Raises JobLost.
    """
    elapsed = max(time.monotonic() - run.started, 1e-3)
    rate = round((done - run.done_before) / elapsed, 2)
    # Attempts count against a job that fails time and again in one place, not against a long one.
    _update(run, done=done, rate=rate, attempts=1, **changes)


def show_progress(*, run: JobRun, done: int, **changes: Any) -> None:
    """Say how far a step is that the next attempt would do again from its start: attempts go on
    counting. Raises JobLost.
    """
    _update(run, done=done, **changes)


def finish_run(*, run: JobRun) -> None:
    """The work is done. Raises JobLost."""
    _end(run, JobState.SUCCEEDED, "")


def fail_run(*, run: JobRun, error: str) -> None:
    """The work can't be done."""
    _end_if_ours(run, JobState.FAILED, error)


def park_run(*, run: JobRun, error: str) -> None:
    """The work waits for a person."""
    _end_if_ours(run, JobState.PARKED, error)


def record_failure(*, run: JobRun, error: Exception) -> float | None:
    """Record the failure; returns the seconds until the next attempt, None when there is none.

    A fault of what was asked ends the job at once; what may pass is tried again, and parked in the
    end.
    """
    if isinstance(error, QuotaExceeded):
        return _wait_for_budget(run, error)
    if isinstance(error, JobForbidden):
        with suppress(JobFinished):
            cancel_job(job=run.job, why=f"as {error.values['reason']},")
        return None
    if isinstance(error, Problem) and error.status < 500:
        log.info("job_failed", code=error.code)
        # What has its input is begun again where it stopped, once somebody has put that right.
        mendable = not isinstance(error, CollectionDeleted) and run.job.parts.exists()
        (park_run if mendable else fail_run)(run=run, error=error.detail)
        return None
    transient = isinstance(error, Problem | OperationalError | InterfaceError)
    attempt, limit = run_attempts(run), settings.EMBED.job_max_attempts
    log.warning("job_attempt_failed", attempt=attempt, exc_info=not transient)
    text = (
        "The database could not be reached."
        if transient
        else "Something went wrong inside the service; its log has the details under this job's id."
    )
    text = error.detail if isinstance(error, Problem) else text
    if attempt >= limit:
        park_run(run=run, error=f"{text} Parked after {attempt} attempts.")
        return None
    delay = retry_delay(attempt=attempt)
    text = f"{text} Attempt {attempt} of {limit}; the next is in {delay:.0f} s."
    try:
        _update(run, state=JobState.QUEUED.value, lease=None, error=text)
    except JobLost:
        return None
    return delay


def _wait_for_budget(run: JobRun, error: QuotaExceeded) -> float | None:
    """It goes on when its owner may have more done, which is nobody's fault and no attempt."""
    log.info("job_waits_for_budget")
    waiting = {"state": JobState.QUEUED.value, "lease": None, "error": error.detail}
    try:
        _update(run, **waiting, attempts=F("attempts") - 1)
    except JobLost:
        return None
    return min(float(error.values["retry_after"]), BUDGET_WAIT_S)


def retry_delay(*, attempt: int) -> float:
    """Seconds until the attempt after this one: exponential, with jitter so that jobs that failed
    together do not come back together.
    """
    bound = min(RETRY_MAX_S, RETRY_BASE_S * 2.0 ** (attempt - 1))
    return bound * random.uniform(0.5, 1.0)  # noqa: S311  no secret


def run_attempts(run: JobRun) -> int:
    """How many attempts there were since the last progress, this one included."""
    return Job.objects.filter(pk=run.job.pk).values_list("attempts", flat=True).first() or 1


def _hand_back(run: JobRun) -> None:
    """A stop is nobody's fault: it does not count as an attempt."""
    try:
        _update(run, state=JobState.QUEUED.value, lease=None, attempts=F("attempts") - 1)
    except JobLost:
        log.info("job_lost")


def _end_if_ours(run: JobRun, state: JobState, error: str) -> None:
    try:
        _end(run, state, error)
    except JobLost:
        log.info("job_lost")


def _end(run: JobRun, state: JobState, error: str) -> None:
    with transaction.atomic():
        _update(run, state=state.value, lease=None, error=error, finished_at=Now())
        if state != JobState.PARKED:
            JobPart.objects.filter(job=run.job).delete()
    run.job.refresh_from_db(fields=["finished_at"])
    job_finished(kind=run.job.kind, state=state, seconds=run.job.seconds)


def _update(run: JobRun, **changes: Any) -> None:
    if not Job.objects.filter(pk=run.job.pk, lease=run.lease).update(**changes):
        raise JobLost


@contextmanager
def run_by_command(*, run: JobRun, interrupted: Callable[[], str]) -> Iterator[None]:
    """The block is the job's work, done by a command: the job succeeds with it, fails with a
    Problem, and otherwise waits, `interrupted()` being the reason, for the command to be repeated.
    """
    try:
        # On the owner's account, whose limits don't hold for who runs commands.
        with paying(Payer(run.job.owner_id, run.job.owner.team_id)):
            yield
        finish_run(run=run)
    except Problem as problem:
        fail_run(run=run, error=problem.detail)
        raise
    except BaseException:
        # Ctrl-C may have caught the connection in the middle of a statement.
        connection.close()
        park_run(run=run, error=interrupted())
        raise
