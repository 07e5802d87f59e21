"""How a job looks in the console: its state, how far it is and how long it will take."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from embeddings.constants import FINISHED_STATES, UNFINISHED_STATES, JobState
from embeddings.models import Job
from embeddings.services.job_retry import is_retriable

ICONS = {
    JobState.QUEUED: "schedule",
    JobState.RUNNING: "autorenew",
    JobState.SUCCEEDED: "check_circle",
    JobState.FAILED: "error",
    JobState.PARKED: "pause_circle",
    JobState.CANCELLED: "cancel",
}
UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True, slots=True)
class ShownJob:
    """A job, and what its page and its row say besides: `percent` and `remaining` where they are
    known, `took` from its start until its end or now.
    """

    job: Job
    icon: str
    percent: int | None
    done: str
    rate: str
    remaining: str
    took: str
    is_live: bool
    can_cancel: bool
    can_retry: bool


def shown_job(job: Job) -> ShownJob:
    """What there is to say of the job as it is now."""
    state = JobState(job.state)
    running = state == JobState.RUNNING
    return ShownJob(
        job=job,
        icon=ICONS[state],
        percent=min(100, 100 * job.done // job.total) if job.total else None,
        done=f"{job.done:,} of {'?' if job.total is None else f'{job.total:,}'}",
        rate=f"{job.rate:,.1f}/s" if job.rate else "",
        remaining=_remaining(job) if running else "",
        took=_took(job),
        is_live=state in UNFINISHED_STATES,
        can_cancel=state not in FINISHED_STATES,
        can_retry=is_retriable(job),
    )


def told_job(job: Job) -> str:
    """The job in a line."""
    of = f" of {job.collection}" if job.collection else ""
    return f"{job.kind}{of}, by {job.owner}: {job.state}, {shown_job(job).done} done"


def live_rows(jobs: Iterable[Job]) -> dict[str, Any]:
    """What refreshes a list: the rows, and which of them are still under way."""
    rows = [shown_job(job) for job in jobs]
    return {"rows": rows, "watched": [row.job.pk for row in rows if row.is_live]}


def duration(seconds: float) -> str:
    """The two largest units: `3 h 20 min`."""
    left, said = max(0, round(seconds)), []
    for size, unit in UNITS:
        if left >= size:
            said.append(f"{left // size} {unit}")
            left %= size
        elif said:
            break
    return " ".join(said[:2]) or "0 s"


def _remaining(job: Job) -> str:
    if not job.rate or job.total is None:
        return ""
    return duration((job.total - job.done) / job.rate)


def _took(job: Job) -> str:
    if job.started_at is None:
        return ""
    end = job.finished_at or timezone.now()
    return duration((end - job.started_at) / timedelta(seconds=1))
