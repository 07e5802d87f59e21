"""Whoever sends a request slowly is given no more than a thread."""

import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from embedsite import pace
from embedsite.pace import PacedUnreader

HEAD = b"GET / HTTP/1.1\r\n\r\n"


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_what_a_thread_has_is_let_go_of_before_it_waits_for_a_head(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = ends
    monkeypatch.setattr(pace, "PROMPT_MS", 1)
    let_go: list[str] = []

    def let_go_and_send() -> None:
        let_go.append("gone")
        theirs.sendall(HEAD)

    unreader = PacedUnreader(ours, let_go=let_go_and_send)
    theirs.sendall(HEAD)
    assert unreader.chunk() == HEAD
    assert let_go == []
    assert unreader.chunk() == HEAD
    assert let_go == ["gone"]
    unreader.expect_body()
    theirs.sendall(b"body")
    assert unreader.chunk() == b"body"
    assert let_go == ["gone"]


def test_the_wait_for_a_head_counts(
    ends: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = ends
    clock = [0.0]
    monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    def wait(*_: object) -> bool:
        clock[0] += 0.6 * pace.HEAD_S
        return True

    monkeypatch.setattr(pace, "is_readable", wait)
    unreader = PacedUnreader(ours, let_go=lambda: None)
    theirs.sendall(b"GET")
    with pytest.raises(ConnectionResetError):
        for _ in range(5):
            unreader.chunk(1)
            theirs.sendall(b"G")
