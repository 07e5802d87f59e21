"""Jobs as their owners see them: started, listed, cancelled."""

import json
import uuid
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.db.models.lookups import Exact
from procrastinate.contrib.django import app

from accounts.models import ApiToken, User
from accounts.models.limits import Limits
from accounts.payer import Payer, current_payer
from accounts.policy import Action
from accounts.principal import Principal
from accounts.services.audit import record
from embeddings.constants import FINISHED_STATES, JobKind, JobState
from embeddings.exceptions import CollectionDeleted, JobFinished, JobForbidden, NotFound
from embeddings.models import Collection, Job
from embeddings.telemetry import current_request_id, job_finished

ASKED_FOR: dict[str, Action] = {
    JobKind.IMPORT: Action.WRITE,
    JobKind.DELETE_DOCUMENTS: Action.WRITE,
    JobKind.WARM_CACHE: Action.OPERATE,
}
"""What users have jobs do for them, and the right that it takes until the end. The other kinds keep
collections in order, whosever request made them due."""


def start_job(
    *,
    owner_id: int,
    kind: JobKind,
    collection: Collection | None,
    params: dict[str, Any] | None = None,
    total: int | None = None,
) -> Job:
    """A new job, in the queue as soon as the surrounding transaction commits, and never without
    it.
    """
    with transaction.atomic():
        job = make_job(
            owner_id=owner_id, kind=kind, collection=collection, params=params, total=total
        )
        enqueue(job=job)
    return job


@transaction.atomic
def make_job(
    *,
    owner_id: int,
    kind: JobKind,
    collection: Collection | None,
    params: dict[str, Any] | None = None,
    total: int | None = None,
) -> Job:
    """The row alone, for who adds to it before it is queued, or runs it in this process. Where the
    collection came through the door, its credential's row filter holds for the job too.
    """
    principal = collection.shown_to if collection is not None else None
    payer = current_payer()
    job = Job.objects.create(
        owner_id=owner_id,
        kind=kind.value,
        collection=collection,
        params=params or {},
        row_filter=json.loads(principal.row_filter)
        if principal is not None and principal.row_filter is not None
        else None,
        token_id=payer.token_id if payer is not None else None,
        total=total,
        request_id=current_request_id(),
    )
    job.refresh_from_db(fields=["created_at"])
    job.shown_collection = None if collection is None else collection.name
    _record(job, event="job.create", after={"kind": job.kind, "params": job.params})
    return job


def _record(job: Job, *, event: str, **changes: Any) -> None:
    record(
        event=event,
        object_type="job",
        object_id=str(job.pk),
        collection_id=job.collection_id,
        **changes,
    )


def enqueue(*, job: Job) -> None:
    """Put the job in the queue, on Django's connection and so in its transaction.

    The locks allow each job once in the queue and once at work.
    """
    lock = str(job.pk)
    app.configure_task(name=job.kind, allow_unknown=False, lock=lock, queueing_lock=lock).defer(
        job_id=lock
    )


def owners_collection(*, job: Job, action: Action) -> Collection:
    """The job's collection as its owner sees it now, for the action, through the credential that
    started the job. Raises JobForbidden where that is not allowed any more, and CollectionDeleted.
    """
    if job.collection_id is None:
        raise CollectionDeleted
    principal = _owner_now(job)
    collections = Collection.objects.visible_to(principal, action).select_related("active")
    collection = collections.filter(pk=job.collection_id).first()
    if collection is None:
        if not Collection.objects.filter(pk=job.collection_id).exists():
            raise CollectionDeleted
        raise JobForbidden(reason=f"its owner may not {action} in the collection any more")
    collection.narrow_to(principal, action)
    return collection


def require_right(*, job: Job) -> None:
    """Raises JobForbidden where who asked for the job may not have it done any more, and
    CollectionDeleted.
    """
    action = ASKED_FOR.get(job.kind)
    if action is None:
        return
    if job.collection_id is not None:
        owners_collection(job=job, action=action)
    elif not _owner_now(job).may(action):
        raise JobForbidden(reason=f"its owner may not {action} any more")


def _owner_now(job: Job) -> Principal:
    owner = User.objects.select_related("team").filter(pk=job.owner_id, is_active=True).first()
    if owner is None:
        raise JobForbidden(reason="its owner was deactivated")
    ended = ApiToken.objects.exclude(revoked_at=None)
    if job.token_id is not None and ended.filter(pk=job.token_id).exists():
        raise JobForbidden(reason="the API token that started it was revoked")
    narrowed = None if job.row_filter is None else json.dumps(job.row_filter)
    return owner.as_principal(row_filter=narrowed)


def payer_of(job: Job) -> Payer:
    """Who pays for the job: its owner, held to the limits of the token that started it too, and of
    those which that was minted by.
    """
    limited: list[Limits] = [job.owner]
    if job.owner.team is not None:
        limited.append(job.owner.team)
    if job.token is not None:
        limited += [job.token, *ApiToken.objects.filter(pk__in=job.token.ancestors)]
    allowances = tuple(each for who in limited for each in who.allowances)
    return Payer(job.owner_id, job.owner.team_id, job.token_id, allowances)


def get_job(*, principal: Principal, job_id: uuid.UUID, action: Action = Action.READ) -> Job:
    """The job, with its collection. Raises NotFound."""
    jobs = Job.objects.visible_to(principal, action).select_related("collection", "owner")
    job = jobs.filter(pk=job_id).first()
    if job is None:
        raise NotFound
    return job


def list_jobs(
    *,
    principal: Principal,
    state: JobState | None = None,
    kind: JobKind | None = None,
    collection: str | None = None,
    after: tuple[datetime, uuid.UUID] | None = None,
    limit: int,
) -> list[Job]:
    """The next `limit` jobs, newest first, behind the key `after` (creation and id); without
    their refused lines.
    """
    jobs = Job.objects.visible_to(principal, Action.READ)
    jobs = jobs.select_related("owner").defer("refused")
    if state is not None:
        jobs = jobs.filter(state=state.value)
    if kind is not None:
        jobs = jobs.filter(kind=kind.value)
    if collection is not None:
        jobs = jobs.filter(Exact(F("shown_collection"), collection))
    if after is not None:
        created_at, pk = after
        jobs = jobs.filter(Q(created_at__lt=created_at) | Q(created_at=created_at, pk__lt=pk))
    return list(jobs.order_by("-created_at", "-pk")[:limit])


def delete_job(*, job: Job) -> None:
    """The row is gone, with what was refused; whatever the job did stays."""
    with transaction.atomic():
        _record(job, event="job.delete", before={"kind": job.kind, "state": job.state})
        job.delete()


def cancel_job(*, job: Job, why: str = "on request") -> Job:
    """End the job at once: its worker can write no more and stops at its next step.

    What was stored stays. Raises JobFinished.
    """
    shown_collection = job.shown_collection
    with transaction.atomic():
        job = (
            Job.objects.select_for_update(of=("self",))
            .select_related("collection", "owner")
            .get(pk=job.pk)
        )
        if job.state in FINISHED_STATES:
            raise JobFinished(state=job.state)
        of_total = "" if job.total is None else f" of {job.total}"
        job.error = f"Cancelled {why} after {job.done}{of_total}; what was stored stays."
        job.state = JobState.CANCELLED.value
        job.lease = None
        job.finished_at = Now()
        job.save(update_fields=["error", "state", "lease", "finished_at"])
        job.parts.all().delete()
        _record(job, event="job.cancel", after={"kind": job.kind, "done": job.done})
    job.refresh_from_db(fields=["finished_at"])
    job.shown_collection = shown_collection
    job_finished(kind=job.kind, state=job.state, seconds=job.seconds)
    return job
