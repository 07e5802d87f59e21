"""The remote embedder when its provider is at fault: in time, and never with a wrong vector."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from embeddings.engine import remote_provider as module
from embeddings.exceptions import EngineUnavailable
from tests.unit.engine.remote.conftest import Make
from tests.unit.engine.remote.fake_provider import (
    DIMENSIONS,
    FakeProvider,
    Fault,
    Handler,
    changed,
    drip_body,
    drip_headers,
    encoded,
    first_embedding,
    hang,
    provider,
    raw,
    status,
    vectors_of,
)

pytestmark = pytest.mark.usefixtures("soon")

TEXTS = ["tea", "coffee"]
KEY = "sk-do-not-tell"
IN_TIME_S = 30
"""Half of what the faults, or patience, would take."""

PEM = Path(__file__).with_name("localhost.pem")


def padded(*, says: int, has: int) -> Fault:
    """The good answer with so much white space after it, and a length that counts so much."""

    def fault(handler: Handler) -> None:
        body = json.dumps(handler.answer()).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body) + says))
        handler.end_headers()
        handler.wfile.write(body + b" " * has)
        handler.close_connection = True

    return fault


FAULTS: dict[str, Fault] = {
    "status 500": status(500),
    "status 502 with a page": lambda handler: handler.send(502, b"<html>bad gateway", kind="html"),
    "status 429": status(429),
    "status 503": status(503),
    "a page": lambda handler: handler.send(200, b"<html>welcome</html>", kind="html"),
    "nothing": lambda handler: handler.send(200, b""),
    "another object": status(200, {"vectors": []}),
    "a list": status(200, []),
    "rows that are no objects": status(200, {"data": [1, 2]}),
    "no HTTP": raw(b"\x00\x01\x02\xff\n\n"),
    "closed": raw(b""),
    "closed in the headers": raw(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "closed in the body": raw(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"data": ['),
    "closed in a chunk": raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"),
    "shorter than it says": padded(says=10, has=0),
    "far too long": padded(says=1_000_000, has=1_000_000),
    "hanging": hang,
    "fewer vectors": changed(lambda answer: answer["data"].pop()),
    "more vectors": changed(lambda answer: answer["data"].append(answer["data"][0])),
    "an index twice": changed(lambda answer: answer["data"][1].update(index=0)),
    "an index too high": changed(lambda answer: answer["data"][1].update(index=2)),
    "an index of a kind": changed(lambda answer: answer["data"][1].update(index=True)),
    "another dimension": first_embedding(encoded(np.ones(DIMENSIONS - 1, dtype=np.float32))),
    "another dimension in floats": first_embedding([1.0] * (DIMENSIONS + 1)),
    "not a number": first_embedding(encoded(np.array([np.nan] * DIMENSIONS, dtype=np.float32))),
    "infinite": first_embedding(encoded(np.array([np.inf] * DIMENSIONS, dtype=np.float32))),
    "too large for float32": first_embedding([1e300] * DIMENSIONS),
    "zero": first_embedding([0.0] * DIMENSIONS),
    "null": first_embedding(None),
    "words": first_embedding(["a"] * DIMENSIONS),
    "truth values": first_embedding([True] * DIMENSIONS),
    "no base64": first_embedding("§" * 10),
    "base64 of odd bytes": first_embedding("AAA="),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_that_passes_is_not_noticed(fault: Fault, server: FakeProvider, make: Make) -> None:
    server.faults = [fault, fault]
    embedder = make(server, silence=0.3) if fault is hang else make(server)
    np.testing.assert_array_equal(embedder.embed(TEXTS).vectors, vectors_of(TEXTS))
    # On a busy machine a good answer may be silent for so long, too.
    assert len(server.requests) == 3 or fault is hang


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_that_stays_is_ours_in_time(fault: Fault, server: FakeProvider, make: Make) -> None:
    server.faults = [fault] * 100
    embedder = make(server, budget=0.5, silence=0.3) if fault is hang else make(server)
    started = time.monotonic()
    with capture_logs() as logs, pytest.raises(EngineUnavailable) as caught:
        embedder.embed(TEXTS)
    assert time.monotonic() - started < IN_TIME_S
    assert caught.value.status == 503
    assert int(caught.value.headers["Retry-After"]) >= 1
    [failed] = [entry for entry in logs if entry["event"] == "provider_failed"]
    assert failed["provider"] == server.url.removesuffix("/v1")
    garbled = {"the answer", "a vector", "vectors", "the indexes"}
    told_to_check = "dimensions" in failed["advice"]
    assert told_to_check == any(words in failed["reason"] for words in garbled)
    assert "tea" not in str(logs)
    assert KEY not in str(logs) + str(caught.value)


@pytest.mark.parametrize("drip", [drip_body, drip_headers])
def test_a_slow_drip_does_not_outlast_the_budget(
    drip: Fault, server: FakeProvider, make: Make
) -> None:
    server.faults = [drip] * 10
    started = time.monotonic()
    with pytest.raises(EngineUnavailable):
        make(server, budget=0.5).embed(TEXTS)
    assert 0.4 < time.monotonic() - started < IN_TIME_S


def test_tls_is_verified(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with provider(certificate=PEM) as server:
        url = server.url.replace("http:", "https:")
        with capture_logs() as logs, pytest.raises(EngineUnavailable):
            make(url).embed(TEXTS)
        assert "CERTIFICATE_VERIFY_FAILED" in str(logs)
        assert server.requests == []
        # As an operator with an own authority does it.
        monkeypatch.setenv("SSL_CERT_FILE", str(PEM))
        monkeypatch.setattr(module, "_breakers", {})
        np.testing.assert_array_equal(make(url).embed(TEXTS).vectors, vectors_of(TEXTS))
        server.faults = [drip_body] * 9
        started = time.monotonic()
        with pytest.raises(EngineUnavailable):
            make(url, budget=0.4).embed(TEXTS)
        assert time.monotonic() - started < IN_TIME_S
