"""What a reranker's folder says of itself, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from embeddings.engine.card import Overrides
from embeddings.engine.interface import UnusableModel
from embeddings.engine.reranker_card import is_cross_encoder, read_reranker_card
from tests.unit.engine.model_folders import ST, make_model_folder

CONFIG = {
    "architectures": ["BertForSequenceClassification"],
    "id2label": {"0": "LABEL_0"},
    "max_position_embeddings": 64,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As transformers saves a cross-encoder."""
    folder = make_model_folder(tmp_path / "judge", config=CONFIG)
    (folder / "modules.json").unlink()
    return folder


def write(folder: Path, name: str, content: Any) -> Path:
    (folder / name).write_text(json.dumps(content))
    return folder


def test_it_works(folder: Path) -> None:
    card = read_reranker_card("judge", folder)

    assert is_cross_encoder(card)
    assert (card.dimensions, card.max_tokens) == (1, 16)
    assert read_reranker_card("judge", folder, Overrides(max_tokens=8)).max_tokens == 8


def test_as_sentence_transformers_saves_it(folder: Path) -> None:
    write(folder, "modules.json", [{"path": "", "type": f"{ST}.Transformer"}])
    assert is_cross_encoder(read_reranker_card("judge", folder))


def test_an_embedding_model_reranks_by_late_interaction(tmp_path: Path) -> None:
    card = read_reranker_card("small", make_model_folder(tmp_path / "small"))

    assert not is_cross_encoder(card)
    assert card.dimensions == 32


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("config.json", CONFIG | {"architectures": ["BertModel"]}, "one label"),
        ("config.json", CONFIG | {"architectures": None}, "one label"),
        ("config.json", CONFIG | {"architectures": ["Qwen3ForCausalLM"]}, "one label"),
        ("config.json", CONFIG | {"id2label": {"0": "no", "1": "yes"}}, "one label"),
        ("config.json", CONFIG | {"auto_map": {"AutoModel": "own.Model"}}, "code of its own"),
        ("modules.json", [{"path": "", "type": "own.Judge"}], "not supported"),
        ("modules.json", [{"type": f"{ST}.Transformer"}, {"type": f"{ST}.Dense"}], "not supported"),
        ("config_sentence_transformers.json", {"default_prompt_name": "query"}, "prompt"),
    ],
)
def test_what_is_no_safe_cross_encoder_is_refused(
    folder: Path, file: str, content: Any, reason: str
) -> None:
    write(folder, file, content)

    with pytest.raises(UnusableModel, match=reason):
        read_reranker_card("judge", folder)


def test_pickled_weights_are_refused(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")

    with pytest.raises(UnusableModel, match="safetensors"):
        read_reranker_card("judge", folder)


def test_two_labels_are_transformers_default(folder: Path) -> None:
    config = {name: value for name, value in CONFIG.items() if name != "id2label"}

    with pytest.raises(UnusableModel, match="one label"):
        read_reranker_card("judge", write(folder, "config.json", config))
    write(folder, "config.json", config | {"num_labels": 1})
    assert is_cross_encoder(read_reranker_card("judge", folder))
