"""Keeping the service's numbers: once a minute each process adds what it has counted since."""

import atexit
import random
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from itertools import groupby

from django.db import connections
from django.db.models import Count, Sum

from embeddings.constants import JobState
from embeddings.models import Collection, Job
from embeddings.services.engine import waiting_tokens
from embeddings.services.machine import disk_bytes, memory_bytes
from embeddings.services.series_catalog import PROCESSES, SERIES
from embeddings.store import series as store
from embeddings.store.health import answers
from embeddings.store.instance import connection_count, database_bytes
from embeddings.telemetry import log, own_samples
from embeddings.types.series import SeriesKind

STEP_S = 60
JITTER_S = 1.0
"""So that the processes do not all write at the same moment."""

Key = tuple[str, str]
Values = dict[Key, float]


class Sampler:
    """What this process counted before its last step ended. The one that is to see `whole` asks for
    what is the same in every process, too.
    """

    def __init__(self, *, whole: bool = False) -> None:
        self._whole = whole
        self._before = counted()
        self._newest = datetime.min.replace(tzinfo=UTC)
        self._lock = threading.Lock()

    def step(self, at: float) -> None:
        """Write a step that has ended, which `at`, in seconds since 1970, is in."""
        # A clock that was set back must not have us counted twice among the processes.
        is_new = _step_of(at) > self._newest
        self._write(at, {**_own_gauges(), (PROCESSES, ""): 1.0} if is_new else {})
        self._newest = max(self._newest, _step_of(at))
        if self._whole:
            whole = {(name, ""): value for name, value in _whole_gauges().items()}
            store.keep_values(step=_step_of(at), seconds=STEP_S, values=whole)

    def finish(self) -> None:
        """Write what was counted since the last step: the process ends, and waits for no database
        that is gone.
        """
        if answers():
            self._write(time.time(), {})

    def _write(self, at: float, gauges: Values) -> None:
        with self._lock:
            now = counted()
            # A number that went down began anew, as in a process that was forked.
            rises = {key: value - self._before.get(key, 0.0) for key, value in now.items()}
            rises = {key: now[key] if rise < 0 else rise for key, rise in rises.items()}
            if values := {**_by_bucket(rises), **gauges}:
                store.add_values(step=_step_of(at), seconds=STEP_S, values=values)
            # Not before: what could not be written is in the next step.
            self._before = now


def start_sampler(*, whole: bool = False) -> None:
    """Sample on a thread of its own until the process ends."""
    sampler = Sampler(whole=whole)
    atexit.register(_told(sampler.finish))
    threading.Thread(target=_sample_on, args=[sampler], name="series", daemon=True).start()


def counted() -> Values:
    """The counters and histograms' buckets of this process as they stand now, by series and label;
    buckets as Prometheus has them, each with those below.
    """
    values: Values = defaultdict(float)
    for sample in own_samples():
        for name in _kept_of(sample.name):
            if SERIES[name].kind != SeriesKind.GAUGE and _matches(name, sample.labels):
                label = " ".join(sample.labels[each] for each in SERIES[name].labels)
                values[name, label] += sample.value
    return values


def _own_gauges() -> Values:
    gauges: Values = {("queue_tokens", ""): float(waiting_tokens())}
    for sample in own_samples():
        for name in _kept_of(sample.name):
            if SERIES[name].kind == SeriesKind.GAUGE:
                gauges[name, ""] = sample.value
    return gauges


def _whole_gauges() -> dict[str, float]:
    waiting = (JobState.QUEUED.value, JobState.RUNNING.value)
    jobs = Job.objects.filter(state__in=waiting).order_by().values_list("state")
    by_state = dict(jobs.annotate(Count("pk")))
    memory = memory_bytes()
    gauges = {
        "jobs_queued": by_state.get(JobState.QUEUED.value, 0),
        "jobs_running": by_state.get(JobState.RUNNING.value, 0),
        "documents": Collection.objects.aggregate(all=Sum("document_count", default=0))["all"],
        "database_bytes": database_bytes(),
        "connections": connection_count(),
        "disk_free_bytes": disk_bytes()[1],
    }
    if memory is not None:
        gauges["memory_free_bytes"] = memory[1]
    return {name: float(value) for name, value in gauges.items()}


def _by_bucket(rises: Values) -> Values:
    """What rose, with each bucket's count without those of the buckets below, as most are then 0;
    its label are its bounds.
    """
    kept = {key: rise for key, rise in rises.items() if rise and not _is_histogram(key)}
    buckets = [
        (name, float(le), rise) for (name, le), rise in rises.items() if _is_histogram((name, le))
    ]
    for name, group in groupby(sorted(buckets), key=lambda bucket: bucket[0]):
        low, below = 0.0, 0.0
        for _, high, rise in group:
            if rise > below:
                kept[name, f"{low} {high}"] = rise - below
            low, below = high, rise
    return kept


def _is_histogram(key: Key) -> bool:
    return SERIES[key[0]].kind == SeriesKind.HISTOGRAM


def _step_of(at: float) -> datetime:
    return datetime.fromtimestamp(at // STEP_S * STEP_S, UTC)


@cache
def _kept_of(sample: str) -> Iterable[str]:
    return [name for name, info in SERIES.items() if info.sample == sample]


def _matches(name: str, labels: dict[str, str]) -> bool:
    where = SERIES[name].where.items()
    return all(re.fullmatch(pattern, labels.get(label, "")) for label, pattern in where)


def _sample_on(sampler: Sampler) -> None:
    while True:
        time.sleep(STEP_S - time.time() % STEP_S + random.uniform(0, JITTER_S))  # noqa: S311
        # Half a step ago it was on, however late or early the thread was woken.
        _told(lambda: sampler.step(time.time() - STEP_S / 2))()


def _told(write: Callable[[], None]) -> Callable[[], None]:
    def writing() -> None:
        try:
            write()
        except Exception:  # noqa: BLE001  the next step may be writable
            log.warning("series_not_written", exc_info=True)
        finally:
            connections.close_all()

    return writing
