"""What Prometheus scrapes of no process: the queue and the indexes as they are now."""

from collections.abc import Iterator

from django.conf import settings
from django.db import Error
from django.db.models import Count
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from embeddings.constants import GenerationState, IndexState, JobState
from embeddings.models import Generation, Job, RecallMeasurement
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


class Indexes(Collector):
    """Asked of the database too. Names of collections are nobody's but their readers'."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """How many indexes there are, and how well the worst of them finds."""
        try:
            states = _index_states()
            recalls = _newest_recalls()
        except Error as error:
            log.warning("indexes_not_counted", exc_info=error)
            return
        indexes = GaugeMetricFamily(
            "indexes", "Collections by the state of their index.", labels=["state"]
        )
        for state in IndexState:
            indexes.add_metric([state.value], states.get(state.value, 0))
        yield indexes
        lowest = GaugeMetricFamily(
            "recall_lowest",
            "The lowest of the indexed collections' newest recalls, searches with a filter apart.",
            labels=["filtered"],
        )
        low = GaugeMetricFamily(
            "recall_low", "Collections whose recall is under EMBED_RECALL_MIN.", labels=["filtered"]
        )
        for filtered in (False, True):
            values = [recall for of, recall in recalls if of == filtered]
            label = [str(filtered).lower()]
            if values:
                lowest.add_metric(label, min(values))
            low.add_metric(label, sum(value < settings.EMBED.recall_min for value in values))
        yield lowest
        yield low


def queue_exposition() -> bytes:
    """Both in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(QueuedJobs())
    registry.register(Indexes())
    return generate_latest(registry)


def _index_states() -> dict[str, int]:
    active = Generation.objects.filter(state=GenerationState.ACTIVE.value)
    return dict(active.values_list("index_state").annotate(Count("pk")))


def _newest_recalls() -> list[tuple[bool, float]]:
    indexed = RecallMeasurement.objects.filter(
        collection__active__index_state=IndexState.READY.value
    )
    newest = indexed.order_by("collection_id", "filtered", "-created_at", "-pk")
    return list(newest.distinct("collection_id", "filtered").values_list("filtered", "recall"))
