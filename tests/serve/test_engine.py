"""One engine for all processes of a service, and one instance of the service for another."""

import hashlib
import hmac
import json
import os
import re
import signal
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from embeddings.engine import describe_model
from embeddings.engine.door import Door, SharedEmbedder, SharedEngine
from embeddings.engine.hashing import NAME, HashingEmbedder
from embeddings.engine.interface import EngineOptions
from embeddings.engine.remote_http import HttpClient, Limits, parse_url
from embeddings.exceptions import EngineUnavailable, UnknownModel
from tests.serve.instances import Instance, gone, running, vectors

pytestmark = pytest.mark.serve

AT_ONCE_S = 20
"""Rather than after as long as an answer may take."""

TEXTS = ["how to brew tea", "Größe", "a b c d"]


@pytest.fixture(scope="module")
def service() -> Iterator[Instance]:
    with running(EMBED_WORKERS="2") as instance:
        yield instance


def engine_of(
    service: Instance, *, key: str | None = None, socket: Path | None = None
) -> SharedEngine:
    secret = (service.data_dir / "secret_key").read_text().strip().encode()
    right = hmac.new(secret, b"engine door", hashlib.sha256).hexdigest()
    return SharedEngine(Door(socket or service.socket, right if key is None else key))


def test_web_processes_embed_by_the_engine(service: Instance) -> None:
    assert service.child("engine")
    status, _, answer = service.embed(*TEXTS)
    assert status == 200
    expected = HashingEmbedder().embed(TEXTS)
    np.testing.assert_array_equal(vectors(answer), expected.vectors)
    assert [row["tokens"] for row in answer["data"]] == expected.tokens.tolist()


def test_the_door_gives_exactly_what_the_model_gives(service: Instance) -> None:
    engine = engine_of(service)
    info = describe_model(NAME, EngineOptions(data_dir=service.data_dir))
    shared, local = SharedEmbedder(info, engine), HashingEmbedder()
    for texts in (TEXTS, [], ["x " * 50_000], [f"text {n}" for n in range(2000)]):
        found, expected = shared.embed(texts), local.embed(texts)
        np.testing.assert_array_equal(found.vectors, expected.vectors)
        np.testing.assert_array_equal(found.tokens, expected.tokens)
        np.testing.assert_array_equal(found.truncated, expected.truncated)
        assert found.vectors.flags.writeable
    assert shared.count_tokens(TEXTS) == local.count_tokens(TEXTS)
    assert engine.loaded([NAME, "all-MiniLM-L6-v2"]) == {NAME}
    engine.close()


def test_what_the_engine_refuses_is_refused_alike(service: Instance) -> None:
    engine = engine_of(service)
    with pytest.raises(UnknownModel) as caught:
        engine.ask("/count", {"model": "nonsense", "texts": []}, read=dict)
    assert "hashing-384" in caught.value.detail
    engine.close()


def test_the_door_is_closed_to_all_others(service: Instance) -> None:
    assert stat.S_IMODE(service.socket.stat().st_mode) == 0o600
    limits = Limits(deadline=time.monotonic() + 120, connect=60, silence=60, max_bytes=10_000)
    client = HttpClient(parse_url(f"unix:{service.socket}"))
    for header in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": service.token}):
        for path in ("/embed", "/loaded", "/collection", "/../admin/"):
            answer = client.request("POST", path, body=b"{}", headers=header, limits=limits)
            assert (answer.status, answer.body) == (401, b'{"code":"invalid_key"}')
    client.close()
    engine = engine_of(service, key="nonsense")
    with pytest.raises(EngineUnavailable):
        engine.ask("/loaded", {"model": NAME}, read=dict)
    engine.close()


def test_the_door_leads_nowhere_else(service: Instance) -> None:
    engine = engine_of(service)
    for path in ("/collection", "/../health", "/embeddings"):
        with pytest.raises(EngineUnavailable):
            engine.ask(path, {}, read=dict)
    engine.close()


def test_the_key_opens_no_other_door(service: Instance) -> None:
    secret = (service.data_dir / "secret_key").read_text().strip().encode()
    key = hmac.new(secret, b"engine door", hashlib.sha256).hexdigest()
    assert service.get("/v1/collection", key) == 401
    assert service.get("/v1/loaded", key) == 404


def test_metrics_count_a_text_once(service: Instance) -> None:
    def counted() -> float:
        text = service.call("GET", "/metrics")[2]
        return sum(
            float(n) for n in re.findall(r"^embed_texts_total\S* (\S+)$", text, re.MULTILINE)
        )

    before = counted()
    assert service.embed(*[f"counted {n}" for n in range(7)])[0] == 200
    assert counted() - before == 7


def test_the_worker_embeds_by_the_engine(service: Instance) -> None:
    assert service.call("POST", "/v1/collection", {"name": "many"})[0] == 201
    lines = "".join(json.dumps({"id": f"d{n}", "text": f"number {n}"}) + "\n" for n in range(50))
    job = service.import_lines("many", lines)
    service.wait(lambda: service.call("GET", f"/v1/jobs/{job}")[2]["state"] == "succeeded")
    hits = service.call("POST", "/v1/search", {"collection": "many", "query": "number 7"})[2][
        "hits"
    ]
    assert hits[0]["id"] == "d7"


def test_a_killed_engine_costs_embedding_some_seconds_and_nothing_else(service: Instance) -> None:
    collection = {"name": "kept", "dimensions": 2}
    assert service.call("POST", "/v1/collection", {"name": collection["name"]})[0] == 201
    vector = HashingEmbedder().embed(["tea"]).vectors[0].tolist()
    document = {"id": "1", "text": "tea", "embedding": vector}
    added = service.call("POST", "/v1/add", {"collection": "kept", "documents": [document]})
    assert added[0] == 200
    before = service.child("engine")
    assert service.process
    service.process.send_signal(signal.SIGSTOP)  # so that it starts no other until we have looked
    os.killpg(before, signal.SIGSTOP)  # so that the request is under way for certain
    with ThreadPoolExecutor(1) as thread:
        under_way = thread.submit(service.embed, "under way")
        time.sleep(0.5)
        assert not under_way.done()
        os.killpg(before, signal.SIGKILL)
        started = time.monotonic()
        assert under_way.result()[0] == 503
    assert time.monotonic() - started < AT_ONCE_S

    status, headers, problem = service.embed("while it is down")
    assert (status, problem["code"]) == (503, "engine_unavailable")
    assert re.fullmatch(r"[1-9]\d*", headers["retry-after"])
    assert time.monotonic() - started < AT_ONCE_S
    search = {"collection": "kept", "vector": vector}
    assert service.call("POST", "/v1/search", search)[2]["hits"][0]["id"] == "1"
    assert service.get("/health/live") == 200
    assert not service.ready()
    assert not any(model["loaded"] for model in service.call("GET", "/v1/models")[2]["data"])

    service.process.send_signal(signal.SIGCONT)
    service.wait(lambda: service.embed(f"at {time.monotonic()}")[0] == 200)
    assert service.child("engine") != before
    service.wait(service.ready)


def test_stop_leaves_nothing_running(service: Instance) -> None:
    children = [service.child(name) for name in ("engine", "web", "worker")]
    assert all(children)
    assert service.stop() == 0
    assert all(map(gone, children))
    assert not service.socket.exists()
    assert "Traceback" not in service.log.read_text()


@pytest.fixture(scope="module")
def single() -> Iterator[Instance]:
    """One web process, in a folder whose name is too long for a socket."""
    with running(folder="long" * 25) as instance:
        yield instance


def test_one_web_process_is_its_own_engine_and_the_workers(single: Instance) -> None:
    assert single.child("engine") == 0
    assert "EMBED_ENGINE_SOCKET" not in single.variables("web")
    assert single.call("POST", "/v1/collection", {"name": "many"})[0] == 201
    lines = "".join(json.dumps({"id": f"d{n}", "text": f"number {n}"}) + "\n" for n in range(50))
    job = single.import_lines("many", lines)
    single.wait(lambda: single.call("GET", f"/v1/jobs/{job}")[2]["state"] == "succeeded")


def test_a_path_too_long_for_a_socket_is_made_short(single: Instance) -> None:
    path = Path(single.variables("worker")["EMBED_ENGINE_SOCKET"])
    assert len(os.fsencode(path)) <= 107
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    engine = engine_of(single, socket=path)
    assert engine.loaded([NAME]) == {NAME}
    engine.close()
    assert single.stop() == 0
    assert not path.parent.exists()
