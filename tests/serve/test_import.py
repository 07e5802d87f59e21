"""An import survives `kill -9` of everything: what was acknowledged stays, and it goes on."""

import gzip
import http.client
import json
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serve.test_serve import TIMEOUT_S, Service

pytestmark = pytest.mark.serve

LINES = 30_000
"""Several seconds of work for the hashing model."""


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    try:
        yield service.start()
    finally:
        kill_all(service)
        shutil.rmtree(service.data_dir)


def descendants(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [found for child in map(int, children) for found in (child, *descendants(child))]


def kill_all(service: Service) -> None:
    """The supervisor, web, worker and database, with nobody left to restart any."""
    if service.process is None or service.process.poll() is not None:
        return
    service.process.send_signal(signal.SIGSTOP)
    for pid in {*descendants(service.process.pid), *service.postgres(), service.process.pid}:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    service.process.wait(TIMEOUT_S)


def call(service: Service, token: str, method: str, path: str, body: Any = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=TIMEOUT_S)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    if not isinstance(body, dict) and body is not None:
        headers |= {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
    try:
        payload = json.dumps(body) if isinstance(body, dict) else body
        connection.request(method, path, payload, headers)  # an iterator goes out chunked
        response = connection.getresponse()
        answer = json.loads(response.read())
        assert response.status < 300, answer
        return answer
    finally:
        connection.close()


def upload() -> Iterator[bytes]:
    """In chunks that end anywhere."""
    lines = (json.dumps({"id": f"d{i}", "text": f"number {i}"}) + "\n" for i in range(LINES))
    data = gzip.compress("".join(lines).encode())
    for start in range(0, len(data), 10_000):
        yield data[start : start + 10_000]


def test_kill_of_everything_during_an_import(service: Service) -> None:
    found = re.search(r"emb_\w+", service.log.read_text())
    assert found
    token = found[0]
    call(service, token, "POST", "/v1/collection", {"name": "large"})
    # With `error`, a line that went in twice would be refused the second time.
    path = "/v1/collection/large/import?on_conflict=error"
    job = f"/v1/jobs/{call(service, token, 'POST', path, upload())['id']}"
    service.wait(lambda: call(service, token, "GET", job)["done"] > 0)
    acknowledged = call(service, token, "GET", job)
    kill_all(service)
    assert acknowledged["state"] == "running"
    assert acknowledged["done"] < LINES

    service.start()
    now = call(service, token, "GET", job)
    count = call(service, token, "GET", "/v1/collection/large")["count"]
    assert acknowledged["done"] <= count < LINES
    service.wait(lambda: call(service, token, "GET", job)["done"] > now["done"])
    service.wait(lambda: call(service, token, "GET", job)["state"] == "succeeded")
    result = call(service, token, "GET", job)["result"]
    assert (result["added"], result["refused"]) == (LINES, 0)
    assert call(service, token, "GET", "/v1/collection/large")["count"] == LINES
    last = call(service, token, "GET", f"/v1/collection/large/documents/d{LINES - 1}")
    assert last["text"] == f"number {LINES - 1}"
