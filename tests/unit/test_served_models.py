"""The door to all models: loaded when first used, and a model that can't be used hurts no other."""

import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from embeddings.engine import EngineOptions, remote_provider
from embeddings.engine.hashing import HashingEmbedder
from embeddings.engine.interface import RemoteOptions
from embeddings.engine.residents import Room
from embeddings.exceptions import (
    EngineUnavailable,
    ModelUnusable,
    UnknownModel,
    WrongModelKind,
)
from embeddings.services import engine, models
from embeddings.types.model import ModelDeclaration
from tests.models import declare
from tests.unit.engine.model_folders import make_model_folder

DEFAULT = "hashing-384"


class Loaded(HashingEmbedder):
    """Stands in for a local model of any name; knows whether it was closed."""

    def __init__(self, fingerprint: str) -> None:
        super().__init__()
        self.fingerprint = fingerprint
        self.closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_model_folder(tmp_path / "small")


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[str]:
    """The names that were loaded; `mine` and `other` are served from a folder of stub weights."""
    names: list[str] = []

    def load(name: str, options: EngineOptions, **_: Any) -> Loaded:
        names.append(name)
        return Loaded(engine.model_info(name).fingerprint)

    declare(
        monkeypatch, *(ModelDeclaration(name=name, folder=folder) for name in ("mine", "other"))
    )
    monkeypatch.setattr(engine, "load_embedder", load)
    monkeypatch.setattr(engine, "memory_needed", lambda *_, **__: 40)
    return names


def room(monkeypatch: pytest.MonkeyPatch, *, budget: int) -> None:
    made = Room(budget=budget, idle_s=0)
    monkeypatch.setattr(engine, "_room", lambda: made)


def test_it_works(loads: list[str]) -> None:
    mine = engine.get_embedder("mine")
    assert (mine.name, mine.dimensions, mine.max_tokens, loads) == ("mine", 32, 16, [])
    assert not engine.is_loaded("mine")

    engine.run_embedder(mine, ["tea"])
    engine.run_embedder(engine.get_embedder("mine"), ["tea"])
    assert mine.count_tokens(["green tea"]) == [2]

    assert loads == ["mine"]
    assert engine.is_loaded("mine")
    assert not engine.is_loaded("other")
    mine.close()
    assert not engine.is_loaded("mine")


def test_models_make_way_for_each_other_but_the_default_stays(
    loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    room(monkeypatch, budget=80)
    for name in (DEFAULT, "mine", "other"):
        engine.get_embedder(name).embed(["tea"])

    assert [name for name in (DEFAULT, "mine", "other") if engine.is_loaded(name)] == [
        DEFAULT,
        "other",
    ]


def test_what_does_not_fit_is_refused_for_now(
    loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    room(monkeypatch, budget=79)
    engine.get_embedder(DEFAULT).embed(["tea"])

    with pytest.raises(ModelUnusable, match="no memory"):
        engine.get_embedder("mine").embed(["tea"])


@pytest.mark.parametrize("error", [OSError("/secret/place"), RuntimeError("/secret/place")])
def test_a_load_that_fails_tells_its_reason_to_the_log_alone(
    loads: list[str], monkeypatch: pytest.MonkeyPatch, error: Exception, caplog: Any
) -> None:
    mine = engine.get_embedder("mine")

    def fail(*_: Any, **__: Any) -> Any:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(engine, "_load_embedder", fail)
        engine._embedders.clear()
        with pytest.raises(ModelUnusable) as refused:
            engine.get_embedder("mine").embed(["tea"])

    assert (refused.value.status, refused.value.code) == (503, "model_unusable")
    assert "secret" not in refused.value.detail
    assert "/secret/place" in caplog.text
    mine.embed(["tea"])
    assert loads == ["mine"]


def test_a_broken_folder_is_not_named(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    declare(monkeypatch, ModelDeclaration(name="gone", folder=Path("/nowhere/secret")))

    with pytest.raises(ModelUnusable) as refused:
        engine.get_embedder("gone")

    assert "secret" not in refused.value.detail
    assert ("gone", None) in models.listed_models()
    [gone] = [info for info in models.served_models() if info.name == "gone"]
    assert not gone.usable
    assert caplog.text.count("/nowhere/secret/modules.json") == 1, "told once, not at every look"


def test_files_that_change_after_they_were_described_are_not_served(
    loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = engine.get_embedder("mine")
    other: list[Loaded] = []

    def load(*_: Any, **__: Any) -> Loaded:
        other.append(Loaded("another"))
        return other[0]

    monkeypatch.setattr(engine, "load_embedder", load)

    with pytest.raises(ModelUnusable):
        mine.embed(["tea"])
    assert other[0].closed


def test_a_collection_whose_model_is_gone_or_another_one_waits_for_it(loads: list[str]) -> None:
    fingerprint = engine.model_info("mine").fingerprint
    assert engine.require_fingerprint(model="mine", fingerprint=fingerprint).name == "mine"

    for model, stored in (("gone", fingerprint), ("mine", "0" * 64)):
        with pytest.raises(ModelUnusable) as refused:
            engine.require_fingerprint(model=model, fingerprint=stored)
        assert refused.value.status == 503


def test_a_name_of_another_kind_is_refused_as_such(loads: list[str]) -> None:
    reranker = engine.default_reranker()

    with pytest.raises(WrongModelKind):
        engine.get_embedder(reranker)
    with pytest.raises(WrongModelKind):
        engine.get_reranker("mine")
    for get in (engine.get_embedder, engine.get_reranker):
        with pytest.raises(UnknownModel):
            get("gpt")


def test_preloading_waits_until_the_default_model_is_there(
    loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[float] = []
    get: Callable[[str], Any] = engine.get_embedder

    def not_yet(name: str) -> Any:
        if len(attempts) < 2:
            raise EngineUnavailable
        return get(name)

    monkeypatch.setattr(engine, "get_embedder", not_yet)
    monkeypatch.setattr(time, "sleep", attempts.append)

    engine.preload()

    assert attempts == [engine.PRELOAD_RETRY_S] * 2
    assert engine.is_loaded(DEFAULT)


def test_a_default_model_that_does_not_exist_is_not_waited_for(
    loads: list[str], monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    reranker = engine.default_reranker()
    get: Callable[[str], Any] = engine.get_embedder
    for wrong in ("gpt", reranker):
        monkeypatch.setattr(engine, "get_embedder", lambda _, wrong=wrong: get(wrong))

        engine.preload()

    assert caplog.text.count("default_model_unknown") == 2


def test_the_default_comes_first_and_rerankers_last(loads: list[str]) -> None:
    names = [info.name for info in models.served_models()]

    assert names == [DEFAULT, "all-MiniLM-L6-v2", "mine", "other", engine.default_reranker()]


def test_providers_that_hang_cost_a_list_one_glance_and_the_log_a_line_each(
    monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr(remote_provider, "_breakers", {})
    monkeypatch.setattr(models, "GLANCE", RemoteOptions(budget=1.0, read_timeout=1.0))
    with ExitStack() as stack:
        ports = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            for _ in range(8)
        ]
        urls = {f"far-{port}": f"http://127.0.0.1:{port}/v1" for port in ports}
        declare(
            monkeypatch,
            *(
                ModelDeclaration(name=name, provider="remote", protocol="embed", url=url)
                for name, url in urls.items()
            ),
        )
        for _ in range(2):
            started = time.monotonic()
            served = {info.name: info for info in models.served_models()}
            assert time.monotonic() - started < 4, "one after the other they take 8 s"

    assert served[DEFAULT].usable
    for name in urls:
        assert (served[name].usable, served[name].provider) == (False, "remote")
        assert caplog.text.count(f'"model":"{name}"') == 1
