"""What django-prometheus counts of requests at the view, in one go once they are answered."""

from collections.abc import Callable
from functools import cache
from timeit import default_timer

from django.http import HttpRequest, HttpResponseBase
from django_prometheus.middleware import Metrics
from prometheus_client import Counter, Histogram

from embeddings.afterwards import afterwards

METRICS = Metrics.get_instance()


class CountingMiddleware:
    """In the metrics of PrometheusAfterMiddleware, for which it stands: that one counts before the
    view and after it, and finds each metric's child anew, which takes a search twice as long.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = default_timer()
        response = self.get_response(request)
        seconds = default_timer() - started
        afterwards(lambda: _count(request, response, seconds))
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Django calls it when a view raises."""
        METRICS.exceptions_by_type.labels(type=type(exception).__name__).inc()
        METRICS.exceptions_by_view.labels(view=_view(request)).inc()


def _count(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    counters, latency = _labelled(
        method=request.method,
        transport="https" if request.is_secure() else "http",
        view=_view(request),
        status=str(response.status_code),
        charset=str(response.charset),
        template=str(response.template_name) if hasattr(response, "template_name") else None,
    )
    latency.observe(seconds)
    for counter in counters:
        counter.inc()
    METRICS.requests_body_bytes.observe(int(request.META.get("CONTENT_LENGTH") or 0))
    if request.META.get("HTTP_X_REQUESTED_WITH") == "XMLHttpRequest":
        METRICS.requests_ajax.inc()
    if response.streaming:
        METRICS.responses_streaming.inc()
    else:
        METRICS.responses_body_bytes.observe(len(response.content))  # type: ignore[attr-defined]


def _view(request: HttpRequest) -> str:
    return (request.resolver_match and request.resolver_match.view_name) or "<unnamed view>"


@cache
def _labelled(
    *, method: str, transport: str, view: str, status: str, charset: str, template: str | None
) -> tuple[list[Counter], Histogram]:
    """Each metric's child of these labels; their values are few."""
    here = {"view": view, "method": method}
    counters = [
        METRICS.requests_by_method.labels(method=method),
        METRICS.requests_by_transport.labels(transport=transport),
        METRICS.requests_by_view_transport_method.labels(**here, transport=transport),
        METRICS.responses_by_status.labels(status=status),
        METRICS.responses_by_status_view_method.labels(**here, status=status),
        METRICS.responses_by_charset.labels(charset=charset),
    ]
    if template is not None:
        counters.append(METRICS.responses_by_templatename.labels(templatename=template))
    return counters, METRICS.requests_latency_by_view_method.labels(**here)
