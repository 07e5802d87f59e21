"""The worker under gunicorn itself: connections that are kept, requests in a row, a prompt stop."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.serve

THREADS = 8
APP = """
from embedsite.gunicorn_worker import LingeringWorker

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
def port(tmp_path: Path) -> Iterator[int]:
    """A server whose answers say how often the main thread has given work to another."""
    (tmp_path / "app.py").write_text(APP)
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "app", "--bind", "127.0.0.1:0"),
            *("--threads", str(THREADS), "--no-control-socket", "--graceful-timeout", "5"),
            *("--worker-class", "app.CountingWorker"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path.cwd())])},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr
    with server.stderr:
        line = next(line for line in server.stderr if "Listening at" in line)
        yield int(line.rpartition(":")[2].split()[0])
        started = time.monotonic()
        server.send_signal(signal.SIGTERM)
        assert server.wait(10) == 0
        assert time.monotonic() - started < 4  # no thread waits for a silent client


@pytest.fixture
def silent() -> Iterator[list[http.client.HTTPConnection]]:
    """Connections that stay open until the server has stopped: asked for before it."""
    connections: list[http.client.HTTPConnection] = []
    yield connections
    for connection in connections:
        connection.close()


def ask(connection: http.client.HTTPConnection) -> int:
    connection.request("POST", "/", b"body")
    return int(connection.getresponse().read())


def test_requests_in_a_row_stay_with_their_thread(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    counts = [ask(connection) for _ in range(200)]
    # A slow moment of the machine may end a wait; without waits it would be all of them.
    assert counts[-1] - counts[0] < 100
    connection.close()


def test_a_connection_is_kept_over_a_pause(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for _ in range(3):
        assert ask(connection)
        time.sleep(0.05)
    connection.close()


def test_more_connections_than_threads_are_served(port: int) -> None:
    connections = [
        http.client.HTTPConnection("127.0.0.1", port, timeout=10) for _ in range(3 * THREADS)
    ]
    for _ in range(3):
        for connection in connections:
            connection.request("POST", "/", b"body")
        for connection in connections:
            assert connection.getresponse().read()
    for connection in connections:
        connection.close()


def test_a_silent_client_does_not_delay_the_stop(
    silent: list[http.client.HTTPConnection], port: int
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    silent.append(connection)
    assert ask(connection)
