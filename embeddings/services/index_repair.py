"""Puts right what crashes, cancelled builds and restores have done to indexes."""

from dataclasses import dataclass

from embeddings.constants import UNFINISHED_STATES, IndexState
from embeddings.models import Collection, Generation, Job
from embeddings.services.index import (
    GENERATION,
    INDEX_KINDS,
    end_forsaken_jobs,
    request_index_if_due,
)
from embeddings.store.index_repair import drop_leftovers, has_index
from embeddings.store.partitions import chunks_table
from embeddings.telemetry import log


@dataclass(frozen=True, slots=True)
class Repaired:
    """Names of leftover indexes that were dropped, and of collections whose index was missing."""

    dropped: list[str]
    missing: list[str]


def repair_indexes() -> Repaired:
    """Drop leftover indexes; where the index is gone that should be there, say so and build it
    anew, if one is due. A generation whose job is not at its end is left to the job.
    """
    end_forsaken_jobs()
    jobs = Job.objects.filter(kind__in=INDEX_KINDS, state__in=UNFINISHED_STATES)
    busy = set(jobs.values_list(f"params__{GENERATION}", flat=True))
    dropped = drop_leftovers(but_of={chunks_table(pk) for pk in busy})
    states = (IndexState.READY.value, IndexState.BUILDING.value)
    claimed = list(
        Generation.objects.filter(index_state__in=states)
        .exclude(pk__in=busy)
        .values_list("pk", flat=True)
    )
    gone = set(claimed) - has_index(generation_ids=claimed)
    missing = [name for pk in sorted(gone) if (name := _request(pk)) is not None]
    if dropped or missing:
        log.warning("indexes_repaired", dropped=dropped, missing=missing)
    return Repaired(dropped=dropped, missing=missing)


def _request(generation_id: int) -> str | None:
    """The collection's name."""
    Generation.objects.filter(pk=generation_id).update(index_state=IndexState.NONE.value)
    collection = Collection.objects.select_related("active").filter(active=generation_id).first()
    if collection is None:
        return None
    request_index_if_due(collection=collection)
    return collection.name
