"""What gunicorn reads as a request, with our configuration: no two readers of it may differ."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import ParseException
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser

from embeddings.constants import MAX_EXTERNAL_ID_CHARS
from embeddings.services import live_following, series_sampler
from embedsite import gunicorn_conf
from embedsite.gate import Gate

if TYPE_CHECKING:
    from gunicorn.workers.base import Worker


def configured() -> Config:
    config = Config()
    for name in config.settings:
        if hasattr(gunicorn_conf, name) and name != "worker_class":
            config.set(name, getattr(gunicorn_conf, name))
    return config


def read(head: str, body: bytes = b"") -> Request:
    """The request, of a peer on this machine, whom gunicorn would trust."""
    source: Iterator[bytes] = iter([head.encode("latin-1"), body])
    return next(RequestParser(configured(), source, ("127.0.0.1", 4000)))


def body_of(head: str, body: bytes) -> bytes:
    found = read(head, body).body
    assert found
    return bytes(found.read())


def request(*headers: str, target: str = "/v1/search") -> str:
    return "\r\n".join([f"POST {target} HTTP/1.1", "Host: us", *headers, "", ""])


def test_it_works() -> None:
    assert body_of(request("Content-Length: 2"), b"{}") == b"{}"
    assert body_of(request("Transfer-Encoding: chunked"), b"2\r\n{}\r\n0\r\n\r\n") == b"{}"


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 2", "Transfer-Encoding: chunked"),
        ("Content-Length: 2", "Content-Length: 3"),
        ("Content-Length: 2, 2",),
        ("Content-Length: +2",),
        ("Content-Length : 2",),
        ("Transfer-Encoding: xchunked",),
        ("Transfer-Encoding: chunked, chunked",),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
        ("Transfer-Encoding: chunked, identity",),
        ("Host: them",),
        ("X-Note: a\r\n folded",),
        ("X-Note: a\0b",),
        ("X-Note: a\nContent-Length: 5",),
        ("X Note: a",),
    ],
    ids=lambda headers: repr(headers)[1:-1],
)
def test_what_readers_might_take_differently_is_refused(headers: tuple[str, ...]) -> None:
    with pytest.raises(ParseException):
        body_of(request(*headers), b"2\r\n{}\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    "target", ["/v1/sea rch", "/v1/\x7f", "/v1/\u00e9", "/v1/search\tHTTP/1.0"]
)
def test_what_is_no_target_is_refused(target: str) -> None:
    with pytest.raises(ParseException):
        read(request(target=target))


def test_nobody_says_what_a_proxy_would() -> None:
    """Not even from this machine: Django decides whom it believes."""
    said = read(request("X-Forwarded-Proto: https", "Script_Name: /v1", "X_Forwarded_For: 1.2.3.4"))

    assert said.scheme == "http"
    assert [name for name, _ in said.headers] == ["HOST", "X-FORWARDED-PROTO"]


@pytest.mark.parametrize("headers", [["A: b"] * 64, ["A: " + "b" * 8_200]], ids=["many", "long"])
def test_heads_are_bounded(headers: list[str]) -> None:
    with pytest.raises(ParseException):
        read(request(*headers))


def test_the_longest_id_fits_in_a_target() -> None:
    escaped = "%F0%9F%8D%B5" * MAX_EXTERNAL_ID_CHARS
    target = f"/v1/collection/{'n' * 63}/documents/{escaped}"

    assert read(request(target=target)).path == target
    with pytest.raises(ParseException):
        read(request(target=target + "%41" * 800))


@pytest.mark.parametrize("lives", [True, False])
def test_a_web_process_keeps_its_numbers_and_follows_changes_once_the_database_is_prepared(
    monkeypatch: pytest.MonkeyPatch, lives: bool
) -> None:
    begun: list[str] = []
    gate = Gate()
    monkeypatch.setattr(series_sampler, "start_sampler", lambda: begun.append("sampler"))
    monkeypatch.setattr(live_following, "start_following", lambda: begun.append("following"))
    monkeypatch.setenv(*gate.environment.popitem())

    def notify() -> None:
        begun.append("waiting")
        gate.open()

    worker = SimpleNamespace(alive=lives, notify=notify)
    gunicorn_conf.post_worker_init(cast("Worker", worker))
    assert begun == ["waiting", *(["sampler", "following"] if lives else [])]
