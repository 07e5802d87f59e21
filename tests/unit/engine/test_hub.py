"""Fetching a model from a hub that speaks the real one's protocol."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embeddings.engine import EngineOptions, UnusableModel, describe_model
from embeddings.engine.hub import fetch_model
from embeddings.types.model import ModelDeclaration
from tests.unit.engine.hub_server import REPOSITORY, REVISION, Hub, sha256, small_hub
from tests.unit.engine.model_folders import make_model_folder

WEIGHTS = sha256(b"weights")
JUNK = {
    "pytorch_model.bin": b"pickled",
    "modeling.py": b"import os",
    "README.md": b"# small",
    "onnx/config.json": b"{}",
}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with small_hub(make_model_folder(tmp_path / "small"), **JUNK) as hub:
        yield hub


def declaration(**values: Any) -> ModelDeclaration:
    given = {"name": "mine", "hub": REPOSITORY, "revision": REVISION, "sha256": WEIGHTS} | values
    return ModelDeclaration(**given)


def options(tmp_path: Path, declared: ModelDeclaration) -> EngineOptions:
    return EngineOptions(data_dir=tmp_path / "var", models=(declared,))


def test_it_works(hub: Hub, tmp_path: Path) -> None:
    """The fetched model is the one whose folder is here: same identity."""
    declared = declaration()
    own = EngineOptions(data_dir=tmp_path / "var", model_dir=tmp_path)

    folder = fetch_model(declared, options(tmp_path, declared), endpoint=hub.url)

    assert folder.parent == tmp_path / "var" / "hub"
    mine = describe_model("mine", options(tmp_path, declared))
    assert mine.fingerprint == describe_model("small", own).fingerprint


def test_only_weights_descriptions_and_tokenizers_are_fetched(hub: Hub, tmp_path: Path) -> None:
    declared = declaration()

    folder = fetch_model(declared, options(tmp_path, declared), endpoint=hub.url)

    expected = set(hub.files) - set(JUNK)
    assert hub.downloads() == expected
    assert {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} == expected
    assert [path.name for path in folder.parent.iterdir() if path.is_dir()] == [folder.name]


def test_what_is_here_is_not_fetched_again(hub: Hub, tmp_path: Path) -> None:
    declared = declaration()
    fetch_model(declared, options(tmp_path, declared), endpoint=hub.url)
    hub.asked.clear()

    fetch_model(declared, options(tmp_path, declared), endpoint=hub.url)

    assert hub.asked == []


def test_other_weights_are_not_kept(hub: Hub, tmp_path: Path) -> None:
    declared = declaration(sha256="0" * 64)

    with pytest.raises(UnusableModel, match=f"not the declared sha256, but is {WEIGHTS}"):
        fetch_model(declared, options(tmp_path, declared), endpoint=hub.url)

    assert not any(path.is_dir() for path in (tmp_path / "var" / "hub").iterdir())


def test_a_model_without_safetensors_is_refused(hub: Hub, tmp_path: Path) -> None:
    del hub.files["model.safetensors"]

    with pytest.raises(UnusableModel, match="but is missing"):
        fetch_model(declaration(), options(tmp_path, declaration()), endpoint=hub.url)


@pytest.mark.parametrize(
    ("values", "reason"),
    [({"hub": "maker/other"}, "404"), ({"revision": "2" * 40}, "Revision Not Found|404")],
)
def test_what_the_hub_does_not_have_is_named(
    hub: Hub, tmp_path: Path, values: dict[str, str], reason: str
) -> None:
    declared = declaration(**values)

    with pytest.raises(UnusableModel, match=f"{declared.hub} can't be fetched: .*({reason})"):
        fetch_model(declared, options(tmp_path, declared), endpoint=hub.url)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library waits between its attempts."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def test_without_a_hub_it_says_so(impatient: None, tmp_path: Path) -> None:
    with pytest.raises(UnusableModel, match="can't be fetched"):
        fetch_model(
            declaration(), options(tmp_path, declaration()), endpoint="http://127.0.0.1:8119"
        )


def test_a_download_that_breaks_off_leaves_no_model_and_goes_on_later(
    impatient: None, hub: Hub, tmp_path: Path
) -> None:
    declared = declaration()
    hub.broken.add("tokenizer.json")
    with pytest.raises(UnusableModel, match="can't be fetched"):
        fetch_model(declared, options(tmp_path, declared), endpoint=hub.url)
    with pytest.raises(UnusableModel, match="was not fetched yet"):
        describe_model("mine", options(tmp_path, declared))
    done = hub.downloads() - hub.broken
    hub.asked.clear()
    hub.broken.clear()

    fetch_model(declared, options(tmp_path, declared), endpoint=hub.url)

    assert "tokenizer.json" in hub.downloads()
    assert not hub.downloads() & done
    assert describe_model("mine", options(tmp_path, declared)).dimensions == 32


def test_tampering_after_the_fetch_is_noticed(hub: Hub, tmp_path: Path) -> None:
    declared = declaration()
    folder = fetch_model(declared, options(tmp_path, declared), endpoint=hub.url)
    (folder / "model.safetensors").write_bytes(b"other!!")

    with pytest.raises(UnusableModel, match="has not the declared sha256"):
        describe_model("mine", options(tmp_path, declared))
