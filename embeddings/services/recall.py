"""How much of the exact answers a collection's searches find, measured on its own vectors."""

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

from django.conf import settings
from django.db.models import Max, Q
from django.db.models.functions import Now

from embeddings import telemetry
from embeddings.constants import IndexState, JobKind
from embeddings.exceptions import CollectionDeleted, NotFound
from embeddings.models import Collection, Job, RecallMeasurement
from embeddings.services.job_runs import JobRun, check_run, record_progress, run_job
from embeddings.services.jobs import start_job
from embeddings.services.search_path import find_semantic
from embeddings.store.recall import Sample, sample_documents
from embeddings.store.search import nothing
from embeddings.types.filter import Condition
from embeddings.types.search import SearchParams
from embeddings.types.stats import Recall

QUERIES = 50
TOP_K = 10
SECONDS = 20.0
"""For the searches of one measurement: an exact one of ten million vectors takes seconds."""

CANARY_S = 60.0
"""For one round of the canary over all collections that are due."""

KEPT = 100
"""Measurements of each collection."""

TOLERANCE = 1e-6
"""Of distances: what is as near as the last exact answer is as good."""

MAX_VALUE_CHARS = 200
FILTERED = (False, True)


def measure_recall(
    *,
    collection: Collection,
    filtered: bool,
    queries: int = QUERIES,
    top_k: int = TOP_K,
    seconds: float = SECONDS,
    on_query: Callable[[], object] = lambda: None,
) -> Recall | None:
    """Search for what is near to stored documents, without these, the way every search goes, and
    exactly; filtered by what their metadata have most in common. Stored and warned of; None where
    nothing can be asked. Ends after `seconds`, with fewer queries.

    Raises NotFound when the collection is deleted meanwhile.
    """
    samples = sample_documents(generation=collection.generation, count=queries)
    conditions = _conditions(samples) if filtered else [None] * len(samples)
    deadline = time.monotonic() + seconds
    shares: list[float] = []
    approximate = 0
    for sample, condition in zip(samples, conditions, strict=True):
        if filtered and condition is None:
            continue
        share, exact = _compare(collection, sample, condition, top_k)
        on_query()
        if share is not None:
            shares.append(share)
            approximate += not exact
        if time.monotonic() > deadline:
            break
    if not shares:
        return None
    return _record(collection, shares, filtered=filtered, top_k=top_k, approximate=approximate)


def newest_recall(*, collection: Collection) -> tuple[Recall | None, Recall | None]:
    """The last measurements without and with filters."""
    rows = RecallMeasurement.objects.filter(collection=collection)
    newest = rows.order_by("filtered", "-created_at", "-pk").distinct("filtered")
    by_filtered = {row.filtered: Recall.of(row) for row in newest}
    return by_filtered.get(False), by_filtered.get(True)


def recall_warning(*measured: Recall | None) -> str:
    """In words what is too low; empty where all is well."""
    low = [each for each in measured if each and each.recall < settings.EMBED.recall_min]
    if not low:
        return ""
    worst = min(low, key=lambda each: each.recall)
    return (
        f"Searches find {worst.recall:.1%} of the exact answers, fewer than"
        f" {settings.EMBED.recall_min:.1%}. Build the index anew, with a larger m or"
        " ef_construction, or another storage."
    )


def measure_due(*, seconds: float = CANARY_S) -> int:
    """Measure the collections whose index was not measured for the interval of the configuration,
    those first that wait longest; returns how many. What is left waits for the next round.
    """
    if settings.EMBED.recall_interval_s == 0:
        return 0
    interval = timedelta(seconds=settings.EMBED.recall_interval_s)
    deadline = time.monotonic() + seconds
    measured = 0
    collections = (
        Collection.objects.select_related("active")
        .filter(active__index_state=IndexState.READY.value, document_count__gt=1)
        .annotate(measured_at=Max("recall_measurements__created_at"))
        .filter(Q(measured_at=None) | Q(measured_at__lt=Now() - interval))
    )
    for collection in collections.order_by("measured_at", "created_at"):
        if time.monotonic() > deadline:
            break
        try:
            for filtered in FILTERED:
                measure_recall(collection=collection, filtered=filtered)
        except NotFound:
            continue
        measured += 1
    return measured


def start_measuring(*, collection: Collection) -> Job:
    """A job of the collection's owner that measures it now."""
    return start_job(
        owner_id=collection.owner_id,
        kind=JobKind.MEASURE_RECALL,
        collection=collection,
        total=len(FILTERED) * QUERIES,
    )


def run_measuring(*, job_id: uuid.UUID, should_stop: Callable[[], bool]) -> None:
    """Run such a job. Raises JobRetry."""
    run_job(job_id=job_id, work=_measure, should_stop=should_stop)


def _measure(run: JobRun) -> None:
    collection = run.job.collection
    if collection is None:
        raise CollectionDeleted
    result = {}
    for number, filtered in enumerate(FILTERED, start=1):
        check_run(run=run)
        recall = measure_recall(collection=collection, filtered=filtered)
        result["filtered" if filtered else "unfiltered"] = recall and round(recall.recall, 4)
        record_progress(run=run, done=number * QUERIES, result=result)


def _compare(
    collection: Collection, sample: Sample, condition: Condition | None, top_k: int
) -> tuple[float | None, bool]:
    """The share that was found, None where there is nothing to find, and whether exactly."""
    distances: list[list[float]] = []
    exact = True
    for forced in (True, False):
        params = SearchParams(
            vector=sample.vector,
            top_k=top_k + 1,
            metadata_filter=condition,
            include=frozenset(),
            exact=forced,
        )
        found = find_semantic(
            collection=collection,
            params=params,
            vector=sample.vector,
            depth=top_k + 1,
            alongside=nothing,
        )
        exact = found.plan.exact
        others = [hit for hit in found.hits if hit.document_id != sample.document_id]
        distances.append([hit.distance or 0.0 for hit in others[:top_k]])
    expected, got = distances
    if not expected:
        return None, exact
    limit = expected[-1] + TOLERANCE * max(1.0, abs(expected[-1]))
    return min(sum(distance <= limit for distance in got) / len(expected), 1.0), exact


def _conditions(samples: Sequence[Sample]) -> list[Condition | None]:
    """For each sample the condition that holds for it and for most of the others."""
    common = Counter(pair for sample in samples for pair in _pairs(sample))
    chosen: list[Condition | None] = []
    for sample in samples:
        pair = max(_pairs(sample), key=common.__getitem__, default=None)
        chosen.append(pair and Condition((pair[0],), "$eq", pair[2]))
    return chosen


def _pairs(sample: Sample) -> Iterator[tuple[str, str, str | float | bool]]:
    """With the type's name, as 1 equals true here but not in JSON."""
    for key, value in sample.metadata.items():
        if isinstance(value, str | int | float) and len(str(value)) <= MAX_VALUE_CHARS:
            yield key, type(value).__name__, value


def _record(
    collection: Collection, shares: list[float], *, filtered: bool, top_k: int, approximate: int
) -> Recall:
    row = RecallMeasurement(
        collection=collection,
        filtered=filtered,
        recall=sum(shares) / len(shares),
        worst=min(shares),
        top_k=top_k,
        queries=len(shares),
        approximate=approximate,
    )
    row.save(force_insert=True)
    row.refresh_from_db(fields=["created_at"])
    rows = RecallMeasurement.objects.filter(collection=collection, filtered=filtered)
    kept = rows.order_by("-created_at", "-pk").values_list("pk", flat=True)[:KEPT]
    rows.exclude(pk__in=list(kept)).delete()
    telemetry.recall_measured(
        collection=collection.name,
        filtered=filtered,
        recall=row.recall,
        low=row.recall < settings.EMBED.recall_min,
    )
    return Recall.of(row)
