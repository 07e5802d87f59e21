"""The engine as another process of this service sees it, by a stand-in that can be frozen."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from embeddings.engine import door as module
from embeddings.engine.door import Door, SharedEngine
from embeddings.exceptions import EngineUnavailable
from tests.unit.engine.remote.fake_provider import (
    FakeProvider,
    Handler,
    hang,
    provider,
    status,
)

LOADED = status(200, {"loaded": ["one", "two"]})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeProvider]:
    with provider(str(tmp_path / "engine.sock")) as running:
        yield running


@pytest.fixture
def engine(server: FakeProvider, tmp_path: Path) -> Iterator[SharedEngine]:
    engine = SharedEngine(Door(socket=tmp_path / "engine.sock", key="key"))
    yield engine
    engine.close()


def test_what_is_loaded_is_asked_once_for_all(server: FakeProvider, engine: SharedEngine) -> None:
    server.faults = [LOADED]
    assert engine.loaded(["one", "two", "three"]) == {"one", "two"}
    [request] = server.requests
    assert request.body == {"models": ["one", "two", "three"]}


def test_a_frozen_engine_costs_a_glance_and_no_line_of_the_log(
    server: FakeProvider, engine: SharedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GLANCE_S", 0.3)
    server.faults = [hang]
    started = time.monotonic()
    with capture_logs() as logs:
        assert engine.loaded(["one", "two"]) == set()
    assert time.monotonic() - started < 20
    assert logs == []


@pytest.mark.parametrize("size", [1, 4_000_000], ids=["read", "unread"])
def test_a_frozen_engine_ends_what_it_was_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(module, "LOOK_AFTER_S", 0.2)
    monkeypatch.setattr(module, "SILENT_S", 0.3)
    path = tmp_path / "frozen.sock"
    engine = SharedEngine(Door(socket=path, key="key"))
    started = time.monotonic()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(EngineUnavailable):
            engine.ask("/embed", {"texts": ["x" * size]}, read=dict)
    assert time.monotonic() - started < 20


def test_an_engine_with_much_to_do_is_waited_for(
    engine: SharedEngine, server: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_AFTER_S", 0.2)

    def slow(handler: Handler) -> None:
        while len(server.requests) < 4:  # three glances
            time.sleep(0.01)
        handler.send(200, {"at": "last"})

    server.faults = [slow, *[LOADED] * 3]
    assert engine.ask("/embed", {"texts": ["x"]}, read=dict) == {"at": "last"}
    assert [request.path for request in server.requests] == ["/v1/embed", *["/v1/loaded"] * 3]
