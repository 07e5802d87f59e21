"""Every answer has a request id and a version, and one line in the log."""

import time
from typing import Any

import pytest
import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client
from django.urls import path

from accounts.policy import SiteRole
from accounts.principal import Principal
from embeddings.afterwards import afterwards
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


def health(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=int(request.GET.get("status", 200)))


DONE: list[str] = []


def put_off(request: HttpRequest) -> HttpResponse:
    DONE.clear()
    afterwards(lambda: DONE.append(f"first={current_request_id()}"))
    afterwards(lambda: 1 / 0)
    afterwards(lambda: afterwards(lambda: DONE.append("third=put off by what was put off")))
    return HttpResponse(f"done: {len(DONE)}")


urlpatterns = [
    path("v1/hello", hello, name="hello"),
    path("v1/hello/<str:name>", hello, name="hello-name"),
    path("v1/broken", broken, name="broken"),
    path("v1/too-big", too_big, name="too-big"),
    path("v1/streamed", streamed, name="streamed"),
    path("v1/slow", slow, name="slow"),
    path("v1/put-off", put_off, name="put-off"),
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


def test_a_probe_is_not_logged_whether_we_are_ready_or_not(client: Client) -> None:
    with capture_logs() as capture:
        client.get("/health")
        client.get("/health?status=503")
    assert capture.lines == []

    line = access_line(client, "/health?status=500")
    assert (line["status"], line["level"]) == (500, "error")


def test_work_that_is_put_off_is_done_once_the_caller_has_the_answer(client: Client) -> None:
    with capture_logs() as logs:
        response = client.get("/v1/put-off")

    done = dict(line.split("=") for line in DONE)
    assert response.content == b"done: 0"
    assert list(done) == ["first", "third"]
    assert done["first"] == response["X-Request-Id"]
    [line] = logs.named("afterwards_failed")
    assert (line["request_id"], line["level"]) == (response["X-Request-Id"], "error")
    assert len(logs.named("request")) == 1  # put off, too, behind the one that failed


def test_without_a_request_nothing_is_put_off() -> None:
    DONE.clear()
    afterwards(lambda: DONE.append("now"))
    assert DONE == ["now"]


def test_a_slow_request_is_a_warning(client: Client, settings: Any) -> None:
    levels = []
    for slow_ms in (0, 1, 60_000):
        settings.EMBED = settings.EMBED.model_copy(update={"slow_request_ms": slow_ms})
        with capture_logs() as logs:
            client.get("/v1/slow")
        levels += [line["level"] for line in logs.named("request")]

    assert levels == ["info", "warning", "info"]


def test_a_session_that_nobody_read_stays_unread(client: Client) -> None:
    """The test has no database: loading the session or the user would fail it."""
    client.cookies[settings.SESSION_COOKIE_NAME] = "x" * 32

    assert access_line(client, "/v1/nowhere")["user_id"] is None
