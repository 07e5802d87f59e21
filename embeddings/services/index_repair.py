"""Puts right what crashes, cancelled builds and restores have done to indexes."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from embeddings.constants import UNFINISHED_STATES, IndexState, JobKind
from embeddings.models import Collection, Generation, Job
from embeddings.services.index import (
    GENERATION,
    INDEX_KINDS,
    end_forsaken_jobs,
    request_index_if_due,
)
from embeddings.services.job_runs import JobRun, record_progress, run_job
from embeddings.services.jobs import start_job
from embeddings.store.index_repair import drop_leftovers, has_index, leftover_indexes
from embeddings.store.partitions import chunks_table
from embeddings.telemetry import log


@dataclass(frozen=True, slots=True)
class Repaired:
    """Names of leftover indexes that were dropped, and of collections whose index was missing."""

    dropped: list[str]
    missing: list[str]


@dataclass(frozen=True, slots=True)
class IndexFaults:
    """Names of leftover indexes, and the collections whose index is missing, by name."""

    leftover: list[str]
    missing: list[str]


def index_faults() -> IndexFaults:
    """What repair_indexes would put right; changes nothing."""
    busy = _busy()
    tables = {chunks_table(pk) for pk in busy}
    leftover = [name for name, table in leftover_indexes().items() if table not in tables]
    names = Collection.objects.filter(active__in=_gone(busy)).values_list("name", flat=True)
    return IndexFaults(leftover=sorted(leftover), missing=list(names.order_by("name")))


def start_repair(*, owner_id: int) -> Job:
    """A job of the operator's who asks for it, which repairs the indexes of all collections."""
    return start_job(owner_id=owner_id, kind=JobKind.REPAIR_INDEXES, collection=None)


def run_repair(*, job_id: uuid.UUID, should_stop: Callable[[], bool]) -> None:
    """Run such a job. Raises JobRetry."""
    run_job(job_id=job_id, work=_repair, should_stop=should_stop)


def _repair(run: JobRun) -> None:
    repaired = repair_indexes()
    result = {"dropped": repaired.dropped, "missing": repaired.missing}
    record_progress(run=run, done=1, total=1, result=result)


def repair_indexes() -> Repaired:
    """Drop leftover indexes; where the index is gone that should be there, say so and build it
    anew, if one is due. A generation whose job is not at its end is left to the job.
    """
    end_forsaken_jobs()
    busy = _busy()
    dropped = drop_leftovers(but_of={chunks_table(pk) for pk in busy})
    missing = [name for pk in sorted(_gone(busy)) if (name := _request(pk)) is not None]
    if dropped or missing:
        log.warning("indexes_repaired", dropped=dropped, missing=missing)
    return Repaired(dropped=dropped, missing=missing)


def _busy() -> set[int]:
    jobs = Job.objects.filter(kind__in=INDEX_KINDS, state__in=UNFINISHED_STATES)
    return set(jobs.values_list(f"params__{GENERATION}", flat=True))


def _gone(busy: set[int]) -> set[int]:
    states = (IndexState.READY.value, IndexState.BUILDING.value)
    claimed = Generation.objects.filter(index_state__in=states).exclude(pk__in=busy)
    ids = list(claimed.values_list("pk", flat=True))
    return set(ids) - has_index(generation_ids=ids)


def _request(generation_id: int) -> str | None:
    """The collection's name."""
    Generation.objects.filter(pk=generation_id).update(index_state=IndexState.NONE.value)
    collection = Collection.objects.select_related("active").filter(active=generation_id).first()
    if collection is None:
        return None
    request_index_if_due(collection=collection)
    return collection.name
