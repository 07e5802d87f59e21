"""Which numbers are kept over time: those of `/metrics`, and what is asked of the database."""

from embeddings.constants import JobState, SearchPath
from embeddings.types.series import SeriesInfo, SeriesKind

COUNTER, GAUGE, HISTOGRAM = SeriesKind.COUNTER, SeriesKind.GAUGE, SeriesKind.HISTOGRAM

ASKED_FOR = r"(?!(health|metrics|live|ready)).*"
"""Routes but those that machines ask every few seconds, which would hide what people meet."""

_RESPONSES = "django_http_responses_total_by_status_view_method_total"
_LATENCY = "django_http_requests_latency_seconds_by_view_method"
_ROUTE = ("method", "view")


def _counter(
    unit: str, text: str, sample: str, labels: tuple[str, ...] = (), **where: str
) -> SeriesInfo:
    return SeriesInfo(COUNTER, unit, text, sample, where, labels)


def _histogram(text: str, sample: str, **where: str) -> SeriesInfo:
    return SeriesInfo(HISTOGRAM, "s", text, f"{sample}_bucket", where, ("le",))


def _gauge(unit: str, text: str, sample: str = "") -> SeriesInfo:
    return SeriesInfo(GAUGE, unit, text, sample)


REQUESTS = {
    "requests": _counter("requests/s", "Requests answered.", _RESPONSES, view=ASKED_FOR),
    **{
        f"requests_{digit}xx": _counter(
            "requests/s",
            f"Requests answered with {digit}xx.",
            _RESPONSES,
            view=ASKED_FOR,
            status=f"{digit}..",
        )
        for digit in "2345"
    },
    "request_seconds": _histogram("Time of a request.", _LATENCY, view=ASKED_FOR),
    "route_requests": _counter(
        "requests/s", "Requests of each route.", f"{_LATENCY}_count", _ROUTE
    ),
    "route_seconds": _counter(
        "s/s", "Time that requests of each route took, all together.", f"{_LATENCY}_sum", _ROUTE
    ),
    "route_errors": _counter(
        "errors/s",
        "Errors of each status and route.",
        _RESPONSES,
        ("status", *_ROUTE),
        status="[45]..",
        view=ASKED_FOR,
    ),
}

WORK = {
    "embed_texts": _counter("texts/s", "Texts that a model embedded.", "embed_texts_total"),
    "embed_tokens": _counter("tokens/s", "Tokens that a model read.", "embed_tokens_total"),
    "embed_seconds": _histogram("Time of one call of a model.", "embed_duration_seconds"),
    "rerank_texts": _counter("texts/s", "Texts that a reranker judged.", "rerank_texts_total"),
    "rerank_tokens": _counter("tokens/s", "Tokens that a reranker read.", "rerank_tokens_total"),
    "rerank_seconds": _histogram("Time of one call of a reranker.", "rerank_duration_seconds"),
    "searches": _counter(
        "searches/s", "Searches of each path and mode.", "search_requests_total", ("path", "mode")
    ),
    "search_seconds": _histogram("Time of one search.", "search_duration_seconds"),
    **{
        f"search_seconds_{path}": _histogram(
            f"Time of one search by the path {path}.", "search_duration_seconds", path=path.value
        )
        for path in SearchPath
    },
    **{
        f"documents_{outcome}": _counter(
            "documents/s",
            f"Documents sent that were {outcome}.",
            "documents_added_total",
            outcome=outcome,
        )
        for outcome in ("added", "updated", "unchanged")
    },
    "add_seconds": _histogram("Time of one batch of documents.", "add_duration_seconds"),
    **{
        f"jobs_{state}": _counter(
            "jobs/s", f"Jobs that ended as {state}.", "jobs_finished_total", state=state.value
        )
        for state in (JobState.SUCCEEDED, JobState.FAILED, JobState.PARKED, JobState.CANCELLED)
    },
}

CACHE = {
    "cache_hits": _counter(
        "values/s", "Values found on any level.", "cache_lookups_total", outcome="hit"
    ),
    "cache_lookups": _counter(
        "values/s",
        "Values looked for: each lookup begins in memory.",
        "cache_lookups_total",
        level="memory",
    ),
    **{
        f"cache_{level}_{plural}": _counter(
            "values/s", text.format(level), "cache_lookups_total", level=level, outcome=outcome
        )
        for level in ("memory", "redis")
        for plural, outcome, text in (
            ("hits", "hit", "Values found on the level {}."),
            ("misses", "miss|corrupt", "Values not found on the level {}."),
        )
    },
    "cache_flight_hits": _counter(
        "values/s",
        "Values that another request was computing already.",
        "cache_lookups_total",
        level="flight",
        outcome="hit",
    ),
    "cache_saved_tokens": _counter(
        "tokens/s", "Tokens that no model had to read.", "cache_saved_tokens_total"
    ),
    "cache_evictions": _counter(
        "values/s", "Values that made room for others.", "cache_evictions_total"
    ),
    "cache_unwritten": _counter(
        "values/s", "Values that Redis refused to take.", "cache_unwritten_total"
    ),
    "redis_seconds": _histogram("Time of one round trip to Redis.", "cache_redis_duration_seconds"),
    "cache_bytes": _gauge("bytes", "Size of the processes' caches.", "cache_bytes"),
    "cache_entries": _gauge("values", "Values in the processes' caches.", "cache_entries"),
}

PROCESSES = "processes"
"""Every process adds one to each of its steps: what shows when the service ran."""

STATE = {
    PROCESSES: _gauge("processes", "Processes of the service that run."),
    "memory_bytes": _gauge(
        "bytes", "Memory of the service's processes.", "process_resident_memory_bytes"
    ),
    "queue_tokens": _gauge("tokens", "Tokens that wait for a model or are being read by it."),
    "memory_free_bytes": _gauge("bytes", "Memory that the worker's machine can still give."),
    "disk_free_bytes": _gauge("bytes", "Free room on the disk of the data folder."),
    "database_bytes": _gauge("bytes", "Size of the database."),
    "documents": _gauge("documents", "Documents stored, in all collections."),
    "connections": _gauge("connections", "Connections to the database."),
    "jobs_queued": _gauge("jobs", "Jobs that wait for a worker."),
    "jobs_running": _gauge("jobs", "Jobs at work."),
}

SERIES: dict[str, SeriesInfo] = {**REQUESTS, **WORK, **CACHE, **STATE}
"""By name."""
