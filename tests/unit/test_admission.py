"""What is answered while all places are taken."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import orjson
import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

THREADS = 8
PLACES = 7

entered = threading.Semaphore(0)
leave = threading.Event()


def slow(_request: HttpRequest) -> HttpResponse:
    entered.release()
    assert leave.wait(120)
    return HttpResponse("done")


def broken(_request: HttpRequest) -> HttpResponse:
    raise RuntimeError


class _Tei:
    dialect = "tei"


def quick(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("quick")


def spoken(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("spoken")


spoken.cls = _Tei  # type: ignore[attr-defined]

urlpatterns = [
    path("v1/slow", slow),
    path("v1/quick", quick),
    path("v1/broken", broken),
    path("v1/spoken", spoken),
    path("health/live", quick),
]


@contextmanager
def client_of(*, threads: int) -> Iterator[Client]:
    config = settings.EMBED.model_copy(update={"threads": threads})
    with override_settings(ROOT_URLCONF=__name__, EMBED=config):
        client = Client(raise_request_exception=False)
        client.get("/v1/quick")  # the first request makes the middleware, which all must share
        yield client


@pytest.fixture
def client() -> Iterator[Client]:
    with client_of(threads=THREADS) as client:
        yield client


@contextmanager
def slow_requests(client: Client, number: int) -> Iterator[None]:
    leave.clear()
    with ThreadPoolExecutor(number) as threads:
        answers = [threads.submit(client.get, "/v1/slow") for _ in range(number)]
        try:
            for _ in range(number):
                assert entered.acquire(timeout=60)
            yield
        finally:
            leave.set()
        assert {answer.result().status_code for answer in answers} == {200}


def test_it_works(client: Client) -> None:
    with slow_requests(client, PLACES):
        refused = client.get("/v1/quick")

    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "1"
    assert refused.headers["X-Request-Id"]
    assert orjson.loads(refused.content)["code"] == "overloaded"
    assert client.get("/v1/quick").status_code == 200


def test_the_last_place_can_be_taken(client: Client) -> None:
    with slow_requests(client, PLACES - 1):
        assert client.get("/v1/quick").status_code == 200


def test_health_is_always_answered(client: Client) -> None:
    with slow_requests(client, PLACES):
        assert client.get("/health/live").status_code == 200


def test_a_refusal_is_spoken_in_the_views_dialect(client: Client) -> None:
    with slow_requests(client, PLACES):
        refused = client.get("/v1/spoken")

    assert refused.status_code == 429
    assert orjson.loads(refused.content)["error_type"] == "Overloaded"


def test_what_fails_gives_its_place_back(client: Client) -> None:
    for _ in range(2 * PLACES):
        assert client.get("/v1/broken").status_code == 500


def test_a_lone_thread_answers() -> None:
    with client_of(threads=1) as client:
        assert client.get("/v1/quick").status_code == 200
