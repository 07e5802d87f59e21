"""An import survives `kill -9` of everything: what was acknowledged stays, and it goes on."""

import gzip
import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.serve.instances import TIMEOUT_S, Instance, children, running

pytestmark = pytest.mark.serve

LINES = 30_000
"""Several seconds of work for the hashing model."""


@pytest.fixture
def service() -> Iterator[Instance]:
    with running() as service:
        yield service


def descendants(pid: int) -> list[int]:
    return [found for child in children(pid) for found in (child, *descendants(child))]


def kill_all(service: Instance) -> None:
    """The supervisor, web, worker and database, with nobody left to restart any."""
    assert service.process
    service.process.send_signal(signal.SIGSTOP)
    for pid in {*descendants(service.process.pid), *service.postgres(), service.process.pid}:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    service.process.wait(TIMEOUT_S)


def shown(service: Instance, path: str) -> Any:
    status, _, answer = service.call("GET", path)
    assert status == 200, answer
    return answer


def upload() -> Iterator[bytes]:
    """In chunks that end anywhere."""
    lines = (json.dumps({"id": f"d{i}", "text": f"number {i}"}) + "\n" for i in range(LINES))
    data = gzip.compress("".join(lines).encode())
    for start in range(0, len(data), 10_000):
        yield data[start : start + 10_000]


def test_kill_of_everything_during_an_import(service: Instance) -> None:
    assert service.call("POST", "/v1/collection", {"name": "large"})[0] == 201
    # With `error`, a line that went in twice would be refused the second time.
    options = {"query": "?on_conflict=error", "Content-Encoding": "gzip"}
    job = f"/v1/jobs/{service.import_lines('large', upload(), **options)}"
    service.wait(lambda: shown(service, job)["done"] > 0)
    acknowledged = shown(service, job)
    kill_all(service)
    assert acknowledged["state"] == "running"
    assert acknowledged["done"] < LINES

    service.start()
    now = shown(service, job)
    count = shown(service, "/v1/collection/large")["count"]
    assert acknowledged["done"] <= count < LINES
    service.wait(lambda: shown(service, job)["done"] > now["done"])
    service.wait(lambda: shown(service, job)["state"] == "succeeded")
    result = shown(service, job)["result"]
    assert (result["added"], result["refused"]) == (LINES, 0)
    assert shown(service, "/v1/collection/large")["count"] == LINES
    last = shown(service, f"/v1/collection/large/documents/d{LINES - 1}")
    assert last["text"] == f"number {LINES - 1}"
