"""Every answer has its place in django-prometheus' metrics."""

import pytest
from django.conf import settings
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.test import Client
from django.urls import path, resolve
from prometheus_client import REGISTRY

from tests.log_capture import capture_logs
from tests.unit import test_middleware

CANARY = test_middleware.CANARY


def rendered(request: HttpRequest) -> TemplateResponse:
    return TemplateResponse(request, ["500.html", "404.html"])


urlpatterns = [*test_middleware.urlpatterns, path("v1/rendered", rendered, name="rendered")]
handler400 = test_middleware.handler400
handler404 = test_middleware.handler404
handler500 = test_middleware.handler500
pytestmark = pytest.mark.urls(__name__)


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.parametrize(
    ("url", "status", "view"),
    [
        ("/v1/hello/a", "200", "hello-name"),
        ("/v1/nowhere", "404", "<unnamed view>"),
        ("/v1/broken", "500", "broken"),
        ("/v1/too-big", "413", "too-big"),
    ],
)
def test_requests_are_counted_once_and_by_view(
    client: Client, url: str, status: str, view: str
) -> None:
    def counts() -> list[float]:
        by_view = {"view": view, "method": "GET"}
        responses = "django_http_responses_total_by_status_view_method_total"
        return [
            counted(responses, status=status, **by_view),
            counted("django_http_requests_before_middlewares_total"),
            counted("django_http_requests_latency_including_middlewares_seconds_count"),
        ]

    before = counts()
    client.get(url)

    assert counts() == [count + 1 for count in before]


@pytest.mark.parametrize(
    ("url", "status"), [("/v1/hello/a", "200"), ("/v1/streamed", "200"), ("/v1/broken", "500")]
)
def test_each_metric_of_django_prometheus_is_counted(client: Client, url: str, status: str) -> None:
    """As its own middleware would, which the metrics are of."""
    view = resolve(url).view_name

    def counts() -> list[float]:
        of_view = {"view": view, "method": "GET"}
        labelled: dict[str, dict[str, str]] = {
            "requests_total_by_method_total": {"method": "GET"},
            "requests_total_by_transport_total": {"transport": "https"},
            "requests_total_by_view_transport_method_total": {**of_view, "transport": "https"},
            "requests_latency_seconds_by_view_method_count": of_view,
            "requests_body_total_bytes_count": {},
            "requests_body_total_bytes_sum": {},
            "ajax_requests_total": {},
            "responses_total_by_status_total": {"status": status},
            "responses_total_by_status_view_method_total": {**of_view, "status": status},
            "responses_total_by_charset_total": {"charset": "utf-8"},
            "responses_body_total_bytes_count": {},
            "responses_streaming_total": {},
            "exceptions_total_by_type_total": {"type": "RuntimeError"},
            "exceptions_total_by_view_total": {"view": "broken"},
        }
        return [counted(f"django_http_{name}", **labels) for name, labels in labelled.items()]

    before = counts()
    headers = {"X-Requested-With": "XMLHttpRequest"}
    list(client.generic("GET", url, b"12345", secure=True, headers=headers))  # to its end

    streams, fails = view == "streamed", view == "broken"
    usual = [1, 1, 1, 1, 1, 5, 1, 1, 1, 1]
    expected = [*usual, not streams, streams, fails, fails]
    assert [now - was for now, was in zip(counts(), before, strict=True)] == expected


def test_a_template_is_counted(client: Client) -> None:
    def count() -> float:
        name = "django_http_responses_total_by_templatename_total"
        return counted(name, templatename="['500.html', '404.html']")

    before = count()
    client.get("/v1/rendered")
    assert count() == before + 1


def test_the_metrics_see_all_other_middlewares() -> None:
    before = "django_prometheus.middleware.PrometheusBeforeMiddleware"

    assert settings.MIDDLEWARE[1] == before
    assert settings.MIDDLEWARE[-1] == "embedsite.counting.CountingMiddleware"


def test_latency_is_told_apart_from_two_milliseconds_on(client: Client) -> None:
    client.get("/v1/hello")

    bucket = "django_http_requests_latency_seconds_by_view_method_bucket"
    assert counted(bucket, view="hello", method="GET", le="+Inf") >= 1
    labels = {"view": "hello", "method": "GET", "le": "0.002"}
    assert REGISTRY.get_sample_value(bucket, labels) is not None


def test_a_stranger_can_not_make_the_metrics_grow(client: Client) -> None:
    with capture_logs() as capture:
        response = client.generic("PWN1", "/v1/hello", headers={"X-Request-Id": "r-3"})
    client.get(f"/{CANARY}")

    assert (response.status_code, response.json()["request_id"]) == (405, "r-3")
    assert response.headers["X-Request-Id"] == "r-3"
    (line,) = capture.named("request")
    assert (line["method"], line["status"]) == ("other", 405)
    labels = {
        value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        for value in sample.labels.values()
    }
    assert "<unnamed view>" in labels
    assert not {"PWN1", CANARY, f"/{CANARY}"} & labels
