"""The worker under gunicorn itself: connections that are kept, requests in a row, a prompt stop."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.serve

THREADS = 8
CLIENTS = 3 * THREADS
GRACEFUL_S = 60
APP = """
import os
from embedsite import gunicorn_worker, pace
from embedsite.gunicorn_worker import LingeringWorker

gunicorn_worker.LINGER_MS = 1000
pace.HEAD_S = pace.BODY_S = float(os.environ["PACE_S"])
pace.TICK_S = 1
handed_out = 0

class CountingWorker(LingeringWorker):
    def enqueue_req(self, conn):
        global handed_out
        handed_out += 1
        super().enqueue_req(conn)

def application(environ, start_response):
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(handed_out).encode()]
"""


@pytest.fixture
def pace_s() -> float:
    """What a client has to send its head in, and its body."""
    return 60.0


@pytest.fixture
def port(tmp_path: Path, pace_s: float) -> Iterator[int]:
    """A server whose answers say how often the main thread has given work to another."""
    (tmp_path / "app.py").write_text(APP)
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "app", "--bind", "127.0.0.1:0"),
            *("--threads", str(THREADS), "--no-control-socket"),
            *("--graceful-timeout", str(GRACEFUL_S)),
            *("--worker-class", "app.CountingWorker"),
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PACE_S": str(pace_s),
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path.cwd())]),
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr
    with server.stderr:
        line = next(line for line in server.stderr if "Listening at" in line)
        yield int(line.rpartition(":")[2].split()[0])
        started = time.monotonic()
        server.send_signal(signal.SIGTERM)
        assert server.wait(2 * GRACEFUL_S) == 0
        assert time.monotonic() - started < GRACEFUL_S / 2  # no thread waits for a silent client


@pytest.fixture
def silent() -> Iterator[list[http.client.HTTPConnection | socket.socket]]:
    """Connections that stay open until the server has stopped: asked for before it."""
    connections: list[http.client.HTTPConnection | socket.socket] = []
    yield connections
    for connection in connections:
        connection.close()


def ask(connection: http.client.HTTPConnection) -> int:
    connection.request("POST", "/", b"body")
    return int(connection.getresponse().read())


def test_requests_in_a_row_stay_with_their_thread(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    counts = [ask(connection) for _ in range(200)]
    # A slow moment of the machine may end a wait; without waits it would be all of them.
    assert counts[-1] - counts[0] < 100
    connection.close()


def test_a_connection_is_kept_over_a_pause(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in range(3):
        assert ask(connection)
        time.sleep(0.05)
    connection.close()


def test_more_connections_than_threads_are_served(port: int) -> None:
    connections = [
        http.client.HTTPConnection("127.0.0.1", port, timeout=60) for _ in range(3 * THREADS)
    ]
    for _ in range(3):
        for connection in connections:
            connection.request("POST", "/", b"body")
        for connection in connections:
            assert connection.getresponse().read()
    for connection in connections:
        connection.close()


def test_a_silent_client_does_not_delay_the_stop(
    silent: list[http.client.HTTPConnection | socket.socket], port: int
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    silent.append(connection)
    silent.append(socket.create_connection(("127.0.0.1", port)))
    assert ask(connection)


def test_silent_clients_take_no_threads(
    silent: list[http.client.HTTPConnection | socket.socket], port: int
) -> None:
    silent += [socket.create_connection(("127.0.0.1", port)) for _ in range(3 * THREADS)]
    started = time.monotonic()

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    assert ask(connection)
    assert time.monotonic() - started < 30
    connection.close()


def test_a_client_that_does_not_close_holds_nobody_up(port: int) -> None:
    last = b"POST / HTTP/1.1\r\nHost: us\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    started = time.monotonic()
    ended = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(CLIENTS)]
    for client in ended:
        client.sendall(last)
        while client.recv(1000):
            pass  # our end is closed, its is not

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    assert ask(connection)
    assert time.monotonic() - started < CLIENTS  # half of what gunicorn's own way takes
    connection.close()
    for client in ended:
        client.close()


@pytest.mark.parametrize(
    "beginning",
    [b"POST / HTTP/1.1\r\nHost: us\r\n", b"POST / HTTP/1.1\r\nContent-Length: 9000\r\n\r\n"],
    ids=["head", "body"],
)
@pytest.mark.parametrize("pace_s", [1.0])
def test_slow_clients_give_their_threads_back(port: int, beginning: bytes) -> None:
    slow = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(THREADS)]
    for client in slow:
        client.sendall(beginning)

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    assert ask(connection)
    for client in slow:
        assert b"200 OK" not in client.recv(100)
        client.close()
    connection.close()
