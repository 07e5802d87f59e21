"""What a model's folder says of itself, and which folders are refused."""

from pathlib import Path
from typing import Any

import pytest

from embeddings.engine.card import MAX_TOKENS_UNSTATED, ModelCard, Overrides, read_card
from embeddings.engine.interface import UnusableModel
from tests.unit.engine.model_folders import ST, make_model_folder

WEIGHTS = {"model.safetensors": "00"}
TRANSFORMER = {"path": "", "type": f"{ST}.Transformer"}
POOLING = {"path": "1_Pooling", "type": f"{ST}.Pooling"}


def fingerprint(folder: Path, *, name: str = "m", weights: dict[str, str] = WEIGHTS) -> str:
    return read_card(name, folder).fingerprint(weights=weights, precision="float32")


def test_it_works(tmp_path: Path) -> None:
    card = read_card("small", make_model_folder(tmp_path))

    assert (card.name, card.dimensions, card.max_tokens) == ("small", 32, 16)
    assert card.prompts == {"document": "", "query": ""}


@pytest.mark.parametrize(
    ("files", "max_tokens"),
    [
        ({"sentence_bert_config": {}, "tokenizer_config": {"model_max_length": 20}}, 20),
        ({"sentence_bert_config": {}, "tokenizer_config": {"model_max_length": 10**30}}, 64),
        ({"sentence_bert_config": {"max_seq_length": 500}}, 64),
        ({"sentence_bert_config": {}, "config": {}}, MAX_TOKENS_UNSTATED),
    ],
)
def test_the_smallest_limit_that_is_stated_counts(
    tmp_path: Path, files: dict[str, Any], max_tokens: int
) -> None:
    assert read_card("m", make_model_folder(tmp_path, **files)).max_tokens == max_tokens


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({"pooling_mode": "cls"}, "cls"),
        ({"pooling_mode": ["cls", "mean"]}, "cls+mean"),
        ({"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}, "mean"),
        ({"pooling_mode_cls_token": True}, "cls"),
    ],
)
def test_the_pooling_is_named(tmp_path: Path, config: dict[str, Any], pooling: str) -> None:
    whole = {"word_embedding_dimension": 8, **config}
    folder = make_model_folder(tmp_path, **{"1_Pooling__config": whole})

    assert read_card("m", folder).pooling == pooling


@pytest.mark.parametrize(
    ("pooling", "dimensions"),
    [
        ({"embedding_dimension": 8, "pooling_mode": "cls"}, 8),
        ({"embedding_dimension": 8, "pooling_mode": ["cls", "mean"]}, 16),
        (
            {
                "word_embedding_dimension": 8,
                "pooling_mode_cls_token": True,
                "pooling_mode_mean_tokens": True,
                "pooling_mode_max_tokens": False,
            },
            16,
        ),
    ],
)
def test_poolings_side_by_side_multiply_the_dimensions(
    tmp_path: Path, pooling: dict[str, Any], dimensions: int
) -> None:
    folder = make_model_folder(tmp_path, **{"1_Pooling__config": pooling})

    assert read_card("m", folder).dimensions == dimensions


@pytest.mark.parametrize(
    ("prompts", "document", "query"),
    [
        ({"query": "q: ", "document": "d: ", "passage": "p: "}, "d: ", "q: "),
        ({"query": "q: ", "passage": "p: "}, "p: ", "q: "),
        ({"query": None, "document": None}, "", ""),
    ],
)
def test_the_models_own_prompts_are_found(
    tmp_path: Path, prompts: dict[str, Any], document: str, query: str
) -> None:
    files = {"config_sentence_transformers": {"prompts": prompts, "default_prompt_name": "query"}}

    card = read_card("m", make_model_folder(tmp_path, **files))

    assert card.prompts == {"document": document, "query": query}


def test_what_an_operator_declares_takes_the_place_of_the_files(tmp_path: Path) -> None:
    prompts = {"query": "q: ", "passage": "p: "}
    folder = make_model_folder(tmp_path, config_sentence_transformers={"prompts": prompts})

    def read(**values: Any) -> ModelCard:
        return read_card("m", folder, Overrides(**values))

    plain = read()
    assert (plain.max_tokens, plain.normalized) == (16, True)
    assert read(max_tokens=16, query_prompt="q: ", normalize=True).identity == plain.identity
    assert read(query_prompt="").prompts == {"document": "p: ", "query": ""}
    assert read(document_prompt="d: ").prompts == {"document": "d: ", "query": "q: "}
    assert read(max_tokens=8).max_tokens == 8
    assert not read(normalize=False).normalized
    for values in ({"max_tokens": 8}, {"query_prompt": ""}, {"normalize": False}):
        assert read(**values).identity != plain.identity
    with pytest.raises(UnusableModel, match="reads 16 tokens, not 17"):
        read(max_tokens=17)


def test_normalising_is_the_same_identity_declared_or_by_the_files(tmp_path: Path) -> None:
    bare = make_model_folder(tmp_path / "bare", modules=[TRANSFORMER, POOLING])
    whole = read_card("m", make_model_folder(tmp_path / "whole"))

    card = read_card("m", bare)
    assert not card.normalized
    assert read_card("m", bare, Overrides(normalize=True)).identity == whole.identity
    assert read_card("m", whole.folder, Overrides(normalize=False)).identity == card.identity


def test_another_name_here_is_no_other_identity(tmp_path: Path) -> None:
    folder = make_model_folder(tmp_path)

    renamed = read_card("renamed", folder, source="m")

    assert renamed.name == "renamed"
    assert renamed.fingerprint(weights=WEIGHTS, precision="float32") == fingerprint(folder)


def test_the_fingerprint_is_the_same_wherever_the_folder_lies(tmp_path: Path) -> None:
    one, other = make_model_folder(tmp_path / "one"), make_model_folder(tmp_path / "other")

    assert fingerprint(one) == fingerprint(other)
    assert len(fingerprint(one)) == 64


@pytest.mark.parametrize(
    "files",
    [
        {"sentence_bert_config": {"max_seq_length": 15}},
        {"config": {"hidden_size": 32, "hidden_act": "relu"}},
        {"1_Pooling__config": {"embedding_dimension": 32, "pooling_mode": "cls"}},
        {"modules": [TRANSFORMER, POOLING]},
        {"config_sentence_transformers": {"prompts": {"query": "q: "}}},
    ],
)
def test_whatever_moves_the_vectors_changes_the_fingerprint(
    tmp_path: Path, files: dict[str, Any]
) -> None:
    plain = make_model_folder(tmp_path / "plain")

    assert fingerprint(make_model_folder(tmp_path / "other", **files)) != fingerprint(plain)


def test_name_weights_precision_and_tokenizer_change_the_fingerprint(tmp_path: Path) -> None:
    folder = make_model_folder(tmp_path)
    plain = fingerprint(folder)

    assert fingerprint(folder, name="other") != plain
    assert fingerprint(folder, weights={"model.safetensors": "01"}) != plain
    assert read_card("m", folder).fingerprint(weights=WEIGHTS, precision="bfloat16") != plain
    with (folder / "tokenizer.json").open("a") as file:
        file.write("\n")
    assert fingerprint(folder) != plain


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"modules": [{"path": "", "type": "os.system"}, POOLING]}, "'os.system'"),
        ({"modules": [TRANSFORMER, {"path": "1", "type": "my.Pooling"}]}, "'my.Pooling'"),
        ({"modules": [TRANSFORMER]}, "a Pooling"),
        ({"modules": [TRANSFORMER, {**POOLING, "path": "../x"}]}, "outside the folder"),
        (
            {"modules": [TRANSFORMER, POOLING, {"path": "2_Dense", "type": f"{ST}.Dense"}]},
            "safetensors",
        ),
        ({"1_Pooling__config": {}}, "how many dimensions"),
        (
            {
                "1_Pooling__config": {"embedding_dimension": 8, "include_prompt": False},
                "config_sentence_transformers": {"prompts": {"query": "q: "}},
            },
            "without the prompt",
        ),
    ],
)
def test_folders_that_are_not_safe_or_not_whole_are_refused(
    tmp_path: Path, files: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UnusableModel, match=reason):
        read_card("m", make_model_folder(tmp_path / "m", **files))


def test_an_activation_from_elsewhere_is_refused(tmp_path: Path) -> None:
    dense = {"path": "2_Dense", "type": f"{ST}.Dense"}
    activation = {"out_features": 4, "activation_function": "os.system"}
    folder = make_model_folder(
        tmp_path, modules=[TRANSFORMER, POOLING, dense], **{"2_Dense__config": activation}
    )
    (folder / "2_Dense" / "model.safetensors").write_bytes(b"weights")

    with pytest.raises(UnusableModel, match=r"os\.system"):
        read_card("m", folder)


def test_pickled_weights_alone_are_refused(tmp_path: Path) -> None:
    folder = make_model_folder(tmp_path)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")

    with pytest.raises(UnusableModel, match="safetensors"):
        read_card("m", folder)


@pytest.mark.parametrize("name", ["config.json", "modules.json", "tokenizer.json"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    folder = make_model_folder(tmp_path)
    (folder / name).unlink()

    with pytest.raises(UnusableModel, match=name):
        read_card("m", folder)
