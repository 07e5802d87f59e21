"""What django-prometheus counts of each request, without looking its labels up each time."""

from functools import cache
from typing import Any

from django_prometheus.middleware import PrometheusAfterMiddleware


class CountingMiddleware(PrometheusAfterMiddleware):  # type: ignore[misc] # it has no types
    """As django-prometheus' own. Finding a metric's child by its labels takes longer than counting,
    and their values are few: methods, statuses and names of views.
    """

    def label_metric(
        self,
        metric: Any,
        request: Any,  # noqa: ARG002 - the interface
        response: Any = None,  # noqa: ARG002 - as above
        **labels: Any,
    ) -> Any:
        """The metric, or its child of these labels."""
        return _child(metric, **labels) if labels else metric


@cache
def _child(metric: Any, **labels: str) -> Any:
    return metric.labels(**labels)
