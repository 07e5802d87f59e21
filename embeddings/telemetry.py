"""What the product reports about itself: log events by name, and Prometheus metrics.

No label holds the name of a user or a collection; no event holds a text, a vector or a token.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import structlog
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.samples import Sample

from embeddings.afterwards import put_off
from embeddings.constants import JobKind, JobState, SearchPath

log = structlog.stdlib.get_logger("embeddings")

# A value that processes share takes 3 µs to change and a search changes twenty: most are put off.
# The bounds are the powers of about two between what was measured for the smallest call and what
# a caller still waits for.
EMBED_TEXTS = Counter("embed_texts", "Texts that a model embedded.")
EMBED_TOKENS = Counter("embed_tokens", "Tokens that a model read.")
EMBED_DURATION = Histogram(
    "embed_duration_seconds",
    "Time of one call of a model.",
    buckets=(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
RERANK_TEXTS = Counter("rerank_texts", "Texts that a reranker judged.")
RERANK_TOKENS = Counter("rerank_tokens", "Tokens that a reranker read.")
RERANK_DURATION = Histogram(
    "rerank_duration_seconds",
    "Time of one call of a reranker.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
SEARCH_REQUESTS = Counter("search_requests", "Searches answered.", ["path", "mode"])
SEARCH_DURATION = Histogram(
    "search_duration_seconds",
    "Time of one search, the embedding of its query included.",
    ["path"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
DOCUMENTS_ADDED = Counter("documents_added", "Documents sent, by what became of them.", ["outcome"])
ADD_DURATION = Histogram(
    "add_duration_seconds",
    "Time of one batch of documents, their embedding included.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
JOBS_FINISHED = Counter("jobs_finished", "Jobs that came to an end.", ["kind", "state"])
JOB_DURATION = Histogram(
    "job_duration_seconds",
    "Time from a job's start to its end.",
    ["kind"],
    buckets=(0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400, 43_200),
)
CACHE_LOOKUPS = Counter(
    "cache_lookups",
    "Values looked for, on each level that was asked for them. `corrupt` values count as missing;"
    " the level `flight` is another request that was computing the value already.",
    ["cache", "model", "level", "outcome"],
)
CACHE_SAVED_TOKENS = Counter(
    "cache_saved_tokens", "Tokens that no model had to read.", ["cache", "model", "level"]
)
CACHE_EVICTIONS = Counter(
    "cache_evictions", "Values that had to make room for others in a process's memory."
)
CACHE_ENTRIES = Gauge(
    "cache_entries", "Values in the processes' memories.", multiprocess_mode="livesum"
)
CACHE_BYTES = Gauge(
    "cache_bytes", "Bytes of the values in the processes' memories.", multiprocess_mode="livesum"
)
CACHE_UNWRITTEN = Counter(
    "cache_unwritten", "Values that Redis refused to take; most likely it is full."
)
CACHE_REDIS_DURATION = Histogram(
    "cache_redis_duration_seconds",
    "Time of one round trip to Redis, or of waiting for one in vain.",
    ["operation", "outcome"],
    buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1),
)


def current_request_id() -> str:
    """The id of the request being served; empty outside of one."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def log_context(**fields: str) -> AbstractContextManager[None]:
    """Binds the fields to every log line inside; a worker binds `request_id` and `job_id`."""
    return structlog.contextvars.bound_contextvars(**fields)


@put_off
def embedded(*, model: str, texts: int, tokens: int, seconds: float) -> None:
    """A model has embedded some texts."""
    EMBED_TEXTS.inc(texts)
    EMBED_TOKENS.inc(tokens)
    EMBED_DURATION.observe(seconds)
    log.debug("embed", model=model, texts=texts, tokens=tokens, took_ms=_ms(seconds))


@put_off
def reranked(*, model: str, texts: int, tokens: int, seconds: float) -> None:
    """A reranker has judged some texts."""
    RERANK_TEXTS.inc(texts)
    RERANK_TOKENS.inc(tokens)
    RERANK_DURATION.observe(seconds)
    log.debug("rerank", model=model, texts=texts, tokens=tokens, took_ms=_ms(seconds))


def searched(*, collection: str, path: SearchPath, mode: str, hits: int, seconds: float) -> None:
    """A search has been answered. What it was stands in the request's own line of the log: a
    second line would be a tenth of what HTTP adds to a search.
    """
    structlog.contextvars.bind_contextvars(
        collection=collection, path=path.value, mode=mode, hits=hits, search_ms=_ms(seconds)
    )
    _count_search(path.value, mode, seconds)


@put_off
def _count_search(path: str, mode: str, seconds: float) -> None:
    SEARCH_REQUESTS.labels(path, mode).inc()
    SEARCH_DURATION.labels(path).observe(seconds)


def added(*, collection: str, added: int, updated: int, unchanged: int, seconds: float) -> None:
    """A batch of documents has been stored."""
    for outcome, count in (("added", added), ("updated", updated), ("unchanged", unchanged)):
        DOCUMENTS_ADDED.labels(outcome).inc(count)
    ADD_DURATION.observe(seconds)
    log.info(
        "add",
        collection=collection,
        added=added,
        updated=updated,
        unchanged=unchanged,
        took_ms=_ms(seconds),
    )


def recall_measured(*, collection: str, filtered: bool, recall: float, low: bool) -> None:
    """A collection's searches were compared with the exact ones."""
    say = log.warning if low else log.info
    say(
        "recall_low" if low else "recall",
        collection=collection,
        filtered=filtered,
        recall=round(recall, 4),
    )


@put_off
def cache_looked_up(
    *, cache: str, model: str, level: str, outcomes: Mapping[str, int], saved_tokens: int
) -> None:
    """A level of the cache was asked for some values."""
    for outcome, count in outcomes.items():
        if count:
            CACHE_LOOKUPS.labels(cache, model, level, outcome).inc(count)
    if saved_tokens:
        CACHE_SAVED_TOKENS.labels(cache, model, level).inc(saved_tokens)
    if outcomes.get("corrupt"):
        log.warning("cache_corrupt", level=level, values=outcomes["corrupt"])


@put_off
def cache_holds(*, entries: int, size: int, evicted: int = 0) -> None:
    """What this process's memory holds has changed."""
    CACHE_ENTRIES.set(entries)
    CACHE_BYTES.set(size)
    if evicted:
        CACHE_EVICTIONS.inc(evicted)


@put_off
def cache_called(*, operation: str, outcome: str, seconds: float) -> None:
    """Redis has answered, or has not."""
    CACHE_REDIS_DURATION.labels(operation, outcome).observe(seconds)


def cache_lost_redis(*, error: str) -> None:
    """Redis does not answer any more; it is left alone for a while."""
    log.warning("cache_lost_redis", error=error)


def cache_not_written(*, values: int) -> None:
    """Redis refused to take some values."""
    CACHE_UNWRITTEN.inc(values)


def cache_cleared(*, scope: str, memory: int, redis: int | None) -> None:
    """An operator has cleared the cache."""
    log.info("cache_cleared", scope=scope, memory=memory, redis=redis)


def samples(prefix: str, *, folder: Path | None = None) -> Iterator[Sample]:
    """The values of the metrics whose names begin so, summed over the processes where they count in
    a folder.
    """
    registry = REGISTRY
    if folder is not None or os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=folder and str(folder))  # type: ignore[no-untyped-call]
    for family in registry.collect():
        if family.name.startswith(prefix):
            yield from family.samples


def own_samples() -> Iterator[Sample]:
    """The values of all metrics as this very process counts them."""
    for family in REGISTRY.collect():
        yield from family.samples


def job_finished(*, kind: JobKind | str, state: JobState | str, seconds: float) -> None:
    """A job has come to an end, good or bad."""
    JOBS_FINISHED.labels(str(kind), str(state)).inc()
    JOB_DURATION.labels(str(kind)).observe(seconds)
    log.info("job_finished", kind=str(kind), state=str(state), took_ms=_ms(seconds))


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)
