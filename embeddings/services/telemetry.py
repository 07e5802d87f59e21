"""Everything that Prometheus scrapes: the counts of all processes, and the queue as it is now."""

import os
from collections.abc import Iterator

from django.db import Error
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from embeddings.constants import JobState
from embeddings.models import Job
from embeddings.telemetry import log


class QueuedJobs(Collector):
    """Asked of the database at each scrape: no process knows the whole queue."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One gauge; none while the database is away, as the other metrics are wanted then most."""
        try:
            count = Job.objects.filter(state=JobState.QUEUED.value).count()
        except Error as error:
            log.warning("queue_not_counted", exc_info=error)
            return
        yield GaugeMetricFamily("jobs_queued", "Jobs that wait for a worker.", value=count)


def exposition() -> bytes:
    """The metrics in Prometheus' text format."""
    queue = CollectorRegistry()
    queue.register(QueuedJobs())
    return generate_latest(_processes()) + generate_latest(queue)


def _processes() -> CollectorRegistry:
    """This process alone, unless `serve` gave its processes a folder to count in."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder is None:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    return registry
