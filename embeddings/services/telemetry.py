"""What Prometheus scrapes of no process: the queue as it is now."""

from collections.abc import Iterator

from django.db import Error
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
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


def queue_exposition() -> bytes:
    """The gauge in Prometheus' text format."""
    queue = CollectorRegistry()
    queue.register(QueuedJobs())
    return generate_latest(queue)
