"""Jobs whose workers died: found, and put back in the queue."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.exceptions import AlreadyEnqueued

from embeddings.constants import UNFINISHED_STATES
from embeddings.models import Job
from embeddings.services.job_runs import SOURCE
from embeddings.services.jobs import enqueue

HEARTBEAT_S = 2.0
STALLED_AFTER_S = 10.0
"""A worker that is silent for so long is thought dead; five heartbeats, as a busy machine delays
some."""


def retry_stalled_jobs() -> int:
    """Put the jobs of dead workers back in the queue; returns how many.

    Also those whose place in the queue is gone, which no worker would ever find.
    """
    dead = Q(worker=None) | Q(
        worker__last_heartbeat__lt=timezone.now() - timedelta(seconds=STALLED_AFTER_S)
    )
    with transaction.atomic():
        # Locked, so that two sweepers never retry a job that one of them has got running again.
        stalled = list(
            ProcrastinateJob.objects.filter(dead, status="doing")
            .select_for_update(of=("self",), skip_locked=True)
            .values_list("pk", flat=True)
        )
        for pk in stalled:
            app.job_manager.retry_job_by_id(job_id=pk, retry_at=timezone.now())
    return len(stalled) + _enqueue_lost_jobs()


def _enqueue_lost_jobs() -> int:
    jobs = list(Job.objects.filter(state__in=UNFINISHED_STATES).exclude(params__has_key=SOURCE))
    queued = set(
        ProcrastinateJob.objects.filter(
            status__in=("todo", "doing"), args__job_id__in=[str(job.pk) for job in jobs]
        ).values_list("args__job_id", flat=True)
    )
    lost = [job for job in jobs if str(job.pk) not in queued]
    for job in lost:
        try:
            with transaction.atomic():
                enqueue(job=job)
        except AlreadyEnqueued:
            continue  # another sweeper was faster
    return len(lost)
