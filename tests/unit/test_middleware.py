"""Every answer has a request id and a version, one line in the log, and a place in the metrics."""

import time
from typing import Any

import pytest
import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.test import Client
from django.urls import path, resolve
from prometheus_client import REGISTRY

from accounts.policy import SiteRole
from accounts.principal import Principal
from embeddings.telemetry import current_request_id
from tests.log_capture import capture_logs

CANARY = "canary-in-a-coal-mine"


def hello(request: HttpRequest, name: str = "") -> HttpResponse:
    structlog.stdlib.get_logger("embeddings").info("hello")
    request.auth = Principal(user_id=7, username="alice", role=SiteRole.MEMBER)  # type: ignore[attr-defined]
    return HttpResponse(f"{request.request_id} {current_request_id()}")  # type: ignore[attr-defined]


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("broken")


def too_big(request: HttpRequest) -> HttpResponse:
    raise RequestDataTooBig


def streamed(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(iter(["a", "b"]))


def slow(request: HttpRequest) -> HttpResponse:
    time.sleep(0.002)
    return HttpResponse()


def rendered(request: HttpRequest) -> TemplateResponse:
    return TemplateResponse(request, ["500.html", "404.html"])


def health(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=503 if request.GET else 200)


urlpatterns = [
    path("v1/hello", hello, name="hello"),
    path("v1/hello/<str:name>", hello, name="hello-name"),
    path("v1/broken", broken, name="broken"),
    path("v1/too-big", too_big, name="too-big"),
    path("v1/streamed", streamed, name="streamed"),
    path("v1/slow", slow, name="slow"),
    path("v1/rendered", rendered, name="rendered"),
    path("health", health, name="health"),
]
handler400 = "embedsite.errors.bad_request"
handler404 = "embedsite.errors.not_found"
handler500 = "embedsite.errors.server_error"
pytestmark = pytest.mark.urls(__name__)


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


def access_line(client: Client, url: str, **kwargs: Any) -> dict[str, Any]:
    with capture_logs() as capture:
        list(client.get(url, **kwargs))  # to its end, where a server closes it
    (line,) = capture.named("request")
    return line


def test_it_works(client: Client) -> None:
    with capture_logs() as capture:
        response = client.get("/v1/hello", headers={"X-Request-Id": "r-1.a_B"})

    assert response.headers["X-Request-Id"] == "r-1.a_B"
    assert response.headers["API-Version"] == "1"
    assert response.content == b"r-1.a_B r-1.a_B"
    (inside,) = capture.named("hello")
    (line,) = capture.named("request")
    assert inside["request_id"] == line["request_id"] == "r-1.a_B"
    assert (line["method"], line["route"], line["status"]) == ("GET", "hello", 200)
    assert (line["bytes"], line["user_id"], line["level"]) == (15, 7, "info")
    assert 0 <= line["took_ms"] < 10_000


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "ä", 'a"b', "a\tb", "a/b"])
def test_an_ill_formed_request_id_is_replaced(client: Client, given: str) -> None:
    response = client.get("/v1/hello", headers={"X-Request-Id": given})

    made = response.headers["X-Request-Id"]
    assert made != given
    assert len(made) == 32


def test_two_requests_never_share_an_id(client: Client) -> None:
    ids = {client.get("/v1/hello").headers["X-Request-Id"] for _ in range(3)}

    assert len(ids) == 3
    assert current_request_id() == ""


def test_no_middleware_makes_the_mapping_of_all_headers(client: Client) -> None:
    """It takes a request 0.06 ms, and what is looked for stands in META."""
    assert "headers" not in vars(client.get("/v1/hello").wsgi_request)


@pytest.mark.parametrize(
    ("url", "status", "route"),
    [
        ("/v1/nowhere", 404, "unmatched"),
        ("/v1/broken", 500, "broken"),
        ("/v1/too-big", 413, "too-big"),
    ],
)
def test_errors_are_answered_and_logged_alike(
    client: Client, url: str, status: int, route: str
) -> None:
    with capture_logs() as capture:
        response = client.get(url, headers={"X-Request-Id": "r-2"})

    assert response.status_code == status
    assert response.headers["X-Request-Id"] == "r-2"
    assert response.headers["API-Version"] == "1"
    assert response.json()["request_id"] == "r-2"
    (line,) = capture.named("request")
    assert (line["status"], line["route"]) == (status, route)
    assert all(other["request_id"] == "r-2" for other in capture.lines)


def test_an_error_of_ours_has_its_traceback_in_the_log(client: Client) -> None:
    with capture_logs() as capture:
        client.get("/v1/broken")

    (trace,) = [line["exception"] for line in capture.lines if "exception" in line]
    assert "RuntimeError: broken" in trace
    (line,) = capture.named("request")
    assert line["level"] == "error"


def test_neither_path_nor_query_nor_headers_are_logged(client: Client) -> None:
    with capture_logs() as capture:
        client.get(
            f"/v1/hello/{CANARY}?token={CANARY}",
            headers={"Authorization": f"Bearer {CANARY}", "Cookie": CANARY, "Referer": CANARY},
        )

    (line,) = capture.named("request")
    assert line["route"] == "hello-name"
    assert CANARY not in capture.raw


def test_a_streamed_answer_has_no_size(client: Client) -> None:
    assert access_line(client, "/v1/streamed")["bytes"] is None


def test_a_probe_is_logged_only_when_it_fails(client: Client) -> None:
    with capture_logs() as capture:
        client.get("/health")
    assert capture.lines == []

    line = access_line(client, "/health?fail=1")
    assert (line["status"], line["level"]) == (503, "warning")


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_slow_request_is_a_warning(client: Client, settings: Any) -> None:
    levels = []
    for slow_ms in (0, 1, 60_000):
        settings.EMBED = settings.EMBED.model_copy(update={"slow_request_ms": slow_ms})
        with capture_logs() as logs:
            client.get("/v1/slow")
        levels += [line["level"] for line in logs.named("request")]

    assert levels == ["info", "warning", "info"]


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
    client.generic("GET", url, b"12345", secure=True, headers=headers)

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


def test_a_session_that_nobody_read_stays_unread(client: Client) -> None:
    """The test has no database: loading the session or the user would fail it."""
    client.cookies[settings.SESSION_COOKIE_NAME] = "x" * 32

    assert access_line(client, "/v1/nowhere")["user_id"] is None
