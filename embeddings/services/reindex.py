"""Indexes built anew in the caller's own process, one after the other."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from embeddings.constants import IndexState, JobKind, JobState
from embeddings.models import Collection, Job
from embeddings.services.index import (
    UNCHANGED,
    build,
    is_large,
    prepare_reindex,
    release_index,
)
from embeddings.services.job_runs import SOURCE, run_by_command, take_job
from embeddings.services.jobs import make_job
from embeddings.types.index import IndexChange

EVERY = "every "
"""Begins the name of a run over all collections."""


@dataclass(frozen=True, slots=True)
class Round:
    """A run over all collections: those that are left, and how many it has done already."""

    name: str
    left: list[Collection]
    done: int


def open_round(*, restart: bool = False) -> Round:
    """All collections that have an index or are due for one, by name. Where the last round was cut
    off, the collections that it had not done yet.
    """
    collections = Collection.objects.select_related("active").order_by("name")
    rounds = Job.objects.filter(
        kind=JobKind.REINDEX.value, **{f"params__{SOURCE}__startswith": EVERY}
    )
    last = rounds.order_by("-created_at", "-pk").first()
    if last is None or last.state == JobState.SUCCEEDED or restart:
        return Round(name=f"{EVERY}{timezone.now().isoformat()}", left=_wanted(collections), done=0)
    name = last.params[SOURCE]
    done = rounds.filter(
        **{f"params__{SOURCE}": name}, state=JobState.SUCCEEDED.value, collection__isnull=False
    ).values_list("collection", flat=True)
    return Round(name=name, left=_wanted(collections.exclude(pk__in=done)), done=len(done))


def _wanted(collections: QuerySet[Collection]) -> list[Collection]:
    return [
        collection
        for collection in collections
        if collection.generation.index_state != IndexState.NONE
        or is_large(generation=collection.generation)
    ]


def reindex_now(
    *,
    collection: Collection,
    change: IndexChange = UNCHANGED,
    name: str = "",
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Job:
    """Build the collection's index anew while the present one serves; `name` is the round's, if it
    is one. `on_progress` takes chunks done and of how many.

    Raises IndexBusy, InvalidIndex, CollectionDeleted, JobLost, and whatever else ends it early; of
    what was built nothing is left then.
    """
    with transaction.atomic():
        params = prepare_reindex(collection=collection, change=change)
        job = make_job(
            owner_id=collection.owner_id,
            kind=JobKind.REINDEX,
            collection=collection,
            params={**params, SOURCE: name},
        )
    run = take_job(job_id=job.pk)
    if run is None:
        raise RuntimeError("a new job is free to take")
    try:
        with run_by_command(
            run=run, interrupted=lambda: "Interrupted; the same command starts it again."
        ):
            build(run, on_progress)
    finally:
        release_index(job_id=job.pk)
    return run.job
