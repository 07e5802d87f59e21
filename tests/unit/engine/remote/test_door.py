"""The engine as another process of this service sees it, by a stand-in that can be frozen."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from embeddings.engine import door as module
from embeddings.engine.door import Door, SharedEngine
from tests.unit.engine.remote.fake_provider import FakeProvider, hang, provider, status

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
