"""Whether the other end of a connection still waits."""

import socket
import ssl
import time
from collections.abc import Iterator

import pytest
from django.test import RequestFactory

from embeddings.views.caller import caller_gone, has_hung_up

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture(params=["tcp", "unix"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    """The server's and the client's end."""
    if request.param == "unix":
        ours, theirs = socket.socketpair()
    else:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            theirs = socket.create_connection(listener.getsockname())
            ours, _ = listener.accept()
    with ours, theirs:
        yield ours, theirs


def hung_up_soon(connection: socket.socket) -> bool:
    deadline = time.monotonic() + 60
    while not has_hung_up(connection) and time.monotonic() < deadline:
        time.sleep(0.001)
    return has_hung_up(connection)


def test_it_works(pair: Pair) -> None:
    ours, theirs = pair
    assert not has_hung_up(ours)

    theirs.close()

    assert hung_up_soon(ours)


def test_a_client_that_sent_its_next_request_already_still_waits(pair: Pair) -> None:
    ours, theirs = pair
    theirs.sendall(b"POST /v1/embed HTTP/1.1\r\n")

    assert not has_hung_up(ours)
    assert ours.recv(4) == b"POST"


def test_a_client_that_went_behind_bytes_nobody_has_read_is_seen(pair: Pair) -> None:
    ours, theirs = pair
    theirs.sendall(b"POST /v1/embed HTTP/1.1\r\n")
    theirs.close()

    assert hung_up_soon(ours)


def test_it_does_not_wait_for_a_socket_that_has_a_timeout(pair: Pair) -> None:
    ours, _ = pair
    ours.settimeout(120)
    started = time.monotonic()

    assert not has_hung_up(ours)
    assert time.monotonic() - started < 60


def test_tls_hides_nothing(pair: Pair) -> None:
    ours, theirs = pair
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with context.wrap_socket(ours, server_side=True, do_handshake_on_connect=False) as wrapped:
        assert not has_hung_up(wrapped)
        theirs.close()
        assert hung_up_soon(wrapped)


def test_our_own_end_closed_is_gone_too(pair: Pair) -> None:
    ours, _ = pair
    ours.close()

    assert has_hung_up(ours)


def test_a_request_brings_the_servers_socket(pair: Pair) -> None:
    ours, theirs = pair
    factory = RequestFactory()

    assert caller_gone(factory.get("/")) is None
    request = factory.get("/")
    request.META["gunicorn.socket"] = ours
    gone = caller_gone(request)
    assert gone is not None
    assert not gone()
    theirs.close()
    assert hung_up_soon(ours)
    assert gone()
