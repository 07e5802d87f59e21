"""The remote embedder against a real server: what it sends, and that what comes back is right."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embeddings.engine import remote_provider
from embeddings.exceptions import CallerGone, EngineUnavailable
from tests.unit.engine.remote.conftest import Make
from tests.unit.engine.remote.fake_provider import (
    DIMENSIONS,
    FakeProvider,
    Fault,
    changed,
    hang,
    provider,
    vector_of,
    vectors_of,
)

TEXTS = ["tea", "a cup of coffee", "Größe"]


def test_it_works(server: FakeProvider, make: Make) -> None:
    embedder = make(server, remote_name="text-embedding-3-small", api_key="sk-1")

    embedded = embedder.embed(TEXTS)

    assert embedded.vectors.dtype == np.float32
    assert embedded.vectors.flags["C_CONTIGUOUS"]
    np.testing.assert_array_equal(embedded.vectors, vectors_of(TEXTS))
    [request] = server.requests
    assert request.path == "/v1/embeddings"
    assert request.headers["Authorization"] == "Bearer sk-1"
    assert request.body == {
        "model": "text-embedding-3-small",
        "input": TEXTS,
        "encoding_format": "base64",
    }
    assert (embedder.name, embedder.dimensions, embedder.max_tokens) == ("m", DIMENSIONS, 512)


def test_the_total_of_tokens_is_shared_out_by_length(server: FakeProvider, make: Make) -> None:
    embedded = make(server).embed(TEXTS)
    assert embedded.tokens.dtype == np.int32
    assert embedded.tokens.sum() == sum(map(len, TEXTS))
    assert embedded.tokens[1] > embedded.tokens[0]
    assert embedded.truncated.tolist() == [False] * 3


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": "7"}, {"prompt_tokens": -1}])
def test_tokens_that_are_not_told_are_estimated(
    usage: Any, server: FakeProvider, make: Make
) -> None:
    server.faults = [changed(lambda answer: answer.update(usage=usage))]
    assert make(server).embed(["four" * 5, "a"]).tokens.tolist() == [5, 1]


def test_floats_are_read_where_base64_is_ignored(server: FakeProvider, make: Make) -> None:
    def as_floats(answer: dict[str, Any]) -> None:
        for row, text in zip(answer["data"], TEXTS, strict=True):
            row["embedding"] = [float(number) for number in vector_of(text)]

    server.faults = [changed(as_floats)]
    np.testing.assert_array_equal(make(server).embed(TEXTS).vectors, vectors_of(TEXTS))


def test_vectors_are_ordered_by_their_index(server: FakeProvider, make: Make) -> None:
    server.faults = [changed(lambda answer: answer["data"].reverse())]
    np.testing.assert_array_equal(make(server).embed(TEXTS).vectors, vectors_of(TEXTS))
    assert len(server.requests) == 1


def test_without_indexes_the_order_is_the_texts(server: FakeProvider, make: Make) -> None:
    server.faults = [changed(lambda answer: [row.pop("index") for row in answer["data"]])]
    np.testing.assert_array_equal(make(server).embed(TEXTS).vectors, vectors_of(TEXTS))


def test_prompts_and_normalisation_are_ours_where_declared(
    server: FakeProvider, make: Make
) -> None:
    embedder = make(server, query_prompt="query: ", document_prompt="passage: ", normalize=True)
    query = embedder.embed(["tea"], input_type="query").vectors[0]
    embedder.embed(["tea"])
    assert [request.body["input"] for request in server.requests] == [
        ["query: tea"],
        ["passage: tea"],
    ]
    expected = vector_of("query: tea")
    np.testing.assert_allclose(query, expected / np.linalg.norm(expected), rtol=1e-6)


def test_no_texts_are_no_request(server: FakeProvider, make: Make) -> None:
    assert make(server).embed([]).vectors.shape == (0, DIMENSIONS)
    assert server.requests == []


def test_one_connection_is_kept(server: FakeProvider, make: Make) -> None:
    embedder = make(server)
    for _ in range(5):
        embedder.embed(["tea"])
    assert server.connections == 1


def test_threads_share_the_connections(server: FakeProvider, make: Make) -> None:
    embedder = make(server)
    texts = [f"text {number}" for number in range(200)]
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda text: embedder.embed([text]).vectors[0], texts))
    np.testing.assert_array_equal(np.array(found), vectors_of(texts))
    assert server.connections <= 8


def test_a_connection_that_was_closed_meanwhile_is_made_anew(
    server: FakeProvider, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_retry(_: Any) -> float:
        raise AssertionError

    def close_after(handler: Any) -> None:
        handler.send(200, handler.answer())
        handler.close_connection = True

    monkeypatch.setattr(remote_provider, "_wait", no_retry)
    embedder = make(server)
    for _ in range(20):
        server.faults = [close_after]
        embedder.embed(["tea"])
        time.sleep(0.01)
    assert server.connections == 20
    assert len(server.requests) == 20


def test_a_unix_socket_is_as_good(tmp_path: Path, make: Make) -> None:
    with provider(str(tmp_path / "s.sock")) as server:
        embedded = make(server).embed(TEXTS)
        np.testing.assert_array_equal(embedded.vectors, vectors_of(TEXTS))
        assert server.requests[0].path == "/v1/embeddings"
        assert server.requests[0].headers["Host"] == "localhost"


def test_many_texts_are_split_and_put_together_again(server: FakeProvider, make: Make) -> None:
    texts = [f"text {number}" for number in range(1000)]
    embedded = make(server).embed(texts)
    np.testing.assert_array_equal(embedded.vectors, vectors_of(texts))
    sizes = [len(request.body["input"]) for request in server.requests]
    assert sorted(sizes) == [232, 256, 256, 256]
    assert embedded.tokens.sum() == sum(map(len, texts))


def test_long_texts_are_split_by_their_bytes(server: FakeProvider, make: Make) -> None:
    texts = [letter * 100_000 for letter in "abcde"] + ["ü" * 200_000]
    np.testing.assert_array_equal(make(server).embed(texts).vectors, vectors_of(texts))
    sizes = [len(request.body["input"]) for request in server.requests]
    assert sorted(sizes) == [1, 1, 2, 2]


@pytest.mark.parametrize("code", [413, 422])
def test_a_smaller_limit_of_the_provider_is_found_out_once(
    code: int, server: FakeProvider, make: Make
) -> None:
    def at_most_32(handler: Any) -> None:
        ok = len(handler.body["input"]) <= 32
        handler.send(200 if ok else code, handler.answer() if ok else {"error": "batch size"})

    server.faults = [at_most_32] * 100
    embedder = make(server)
    texts = [f"text {number}" for number in range(256)]
    np.testing.assert_array_equal(embedder.embed(texts).vectors, vectors_of(texts))
    assert max(len(request.body["input"]) for request in server.requests[-8:]) == 32
    server.requests.clear()
    embedder.embed(texts)
    assert [len(request.body["input"]) for request in server.requests] == [32] * 8


def test_a_part_that_fails_ends_the_others(server: FakeProvider, make: Make) -> None:
    def refuse_late(handler: Any) -> None:
        while len(server.requests) < 4:
            time.sleep(0.01)
        handler.send(401, {})

    server.faults = [refuse_late, *[hang] * 3]
    embedder = make(server)
    started = time.monotonic()
    with pytest.raises(EngineUnavailable):
        embedder.embed([f"text {number}" for number in range(1000)])
    while server.left_by_client < 3:
        assert time.monotonic() - started < 30
        time.sleep(0.01)


def test_a_caller_that_has_gone_ends_the_wait(server: FakeProvider, make: Make) -> None:
    server.faults = [hang]
    gone = threading.Event()
    threading.Timer(0.1, gone.set).start()
    started = time.monotonic()
    with pytest.raises(CallerGone):
        make(server).embed(["tea"], gone=gone.is_set)
    assert time.monotonic() - started < 30


def test_a_kept_connection_costs_less_than_a_millisecond(server: FakeProvider, make: Make) -> None:
    """Of ours, the provider's time apart: it is another thread here."""
    embedder = make(server)
    embedder.embed(["tea"])
    own = []
    for _ in range(50):
        started = time.thread_time()
        embedder.embed(["tea"])
        own.append(time.thread_time() - started)
    assert min(own) < 0.001


def test_equal_declarations_have_equal_fingerprints(server: FakeProvider, make: Make) -> None:
    first = make(server).fingerprint
    assert make(server, name="other", remote_name="m").fingerprint == first
    others = [
        make(server, remote_name="n"),
        make(server, dimensions=9),
        make(server, query_prompt="q: "),
        make(server, normalize=True),
        make(server, url=server.url + "/other"),
    ]
    assert len({first, *(other.fingerprint for other in others)}) == 6
    assert make(server, fingerprint="ab" * 32).fingerprint == "ab" * 32


def chunked(handler: Any) -> None:
    body = json.dumps(handler.answer()).encode()
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for start in range(0, len(body), 50):
        part = body[start : start + 50]
        handler.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
    handler.wfile.write(b"0\r\n\r\n")


def without_length(handler: Any) -> None:
    handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + json.dumps(handler.answer()).encode())
    handler.close_connection = True


@pytest.mark.parametrize(("shape", "connections"), [(chunked, 1), (without_length, 3)])
def test_answers_of_every_shape_are_read(
    shape: Fault, connections: int, server: FakeProvider, make: Make
) -> None:
    server.faults = [shape] * 3
    embedder = make(server)
    for _ in range(3):
        np.testing.assert_array_equal(embedder.embed(TEXTS).vectors, vectors_of(TEXTS))
    assert server.connections == connections
