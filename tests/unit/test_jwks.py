"""Where the keys of an issuer come from, and how long they are believed."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from accounts import jwks
from accounts.issuer import Issuer
from accounts.jwks import IssuerKeys, JwksUnavailable, read_keys

ONE, TWO = {"kid": "1", "kty": "EC"}, {"kid": "2", "kty": "EC"}


class Publisher:
    """A server of keys, which counts who asks."""

    def __init__(self) -> None:
        self.keys: list[Any] = [ONE]
        self.status, self.body, self.asked = 200, b"", 0
        self.asking, self.speaking = threading.Event(), threading.Event()
        self.speaking.set()
        publisher = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                publisher.asked += 1
                publisher.asking.set()
                publisher.speaking.wait()
                self.send_response(publisher.status)
                if publisher.status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(publisher.body or json.dumps({"keys": publisher.keys}).encode())

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.issuer = Issuer(
            issuer="them",
            audience="us",
            jwks_url=f"http://127.0.0.1:{self.server.server_port}/keys?v=1",
        )

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Whoever asks waits for the end of this."""
        self.asking.clear()
        self.speaking.clear()
        yield
        self.speaking.set()


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    publisher = Publisher()
    yield publisher
    publisher.server.shutdown()
    publisher.server.server_close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr("accounts.jwks.time.monotonic", lambda: now[0])
    return now


def test_it_works(publisher: Publisher) -> None:
    keys = IssuerKeys(publisher.issuer)
    assert keys.find("1") == [ONE]
    assert keys.find(None) == [ONE]
    assert publisher.asked == 1


def test_a_new_key_is_asked_for(publisher: Publisher, clock: list[float]) -> None:
    keys = IssuerKeys(publisher.issuer)
    keys.find("1")
    publisher.keys.append(TWO)
    clock[0] += jwks.RETRY_S + 1
    assert keys.find("2") == [TWO]


def test_invented_keys_make_nobody_ask_all_the_time(
    publisher: Publisher, clock: list[float]
) -> None:
    keys = IssuerKeys(publisher.issuer)
    for number in range(100):
        assert keys.find(f"invented-{number}") == []
    assert publisher.asked == 1


def test_a_withdrawn_key_is_forgotten(publisher: Publisher, clock: list[float]) -> None:
    keys = IssuerKeys(publisher.issuer)
    keys.find("1")
    publisher.keys = [TWO]
    assert keys.find("1") == [ONE]
    clock[0] += jwks.FRESH_S + 1
    assert keys.find("1") == []


def test_an_outage_is_survived_for_a_while(publisher: Publisher, clock: list[float]) -> None:
    keys = IssuerKeys(publisher.issuer)
    keys.find("1")
    publisher.status = 503
    clock[0] += jwks.FRESH_S + 1
    assert keys.find("1") == [ONE]
    clock[0] += jwks.STALE_S
    assert keys.find("1") == []
    publisher.status = 200
    clock[0] += jwks.RETRY_S + 1
    assert keys.find("1") == [ONE]


def test_a_slow_issuer_keeps_one_thread_waiting(publisher: Publisher, clock: list[float]) -> None:
    keys = IssuerKeys(publisher.issuer)
    keys.find("1")
    clock[0] += jwks.FRESH_S + 1
    with publisher.silent():
        waiting = threading.Thread(target=keys.find, args=("1",))
        waiting.start()
        publisher.asking.wait()
        assert keys.find("1") == [ONE]
        assert waiting.is_alive()
    waiting.join()
    assert publisher.asked == 2


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (302, b""),
        (500, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b'{"keys": 7}'),
        (200, b" " * (jwks.MAX_BYTES + 1)),
    ],
    ids=["redirect", "error", "page", "list", "number", "endless"],
)
def test_what_is_no_list_of_keys_is_refused(publisher: Publisher, status: int, body: bytes) -> None:
    publisher.status, publisher.body = status, body
    with pytest.raises(JwksUnavailable):
        read_keys(publisher.issuer)
    assert publisher.asked == 1


def test_nobody_there_is_told_without_a_crash() -> None:
    issuer = Issuer(issuer="them", audience="us", jwks_url="http://127.0.0.1:9/keys")
    assert IssuerKeys(issuer).find("1") == []
