"""What a cross-encoder's folder says of itself, read from its JSON files alone."""

import hashlib
from pathlib import Path
from typing import Any

from embeddings.engine.card import (
    AS_STATED,
    ModelCard,
    Overrides,
    lowered,
    max_tokens_of,
    optional_json,
    read_bytes,
    read_card,
    read_json,
)
from embeddings.engine.interface import InputType, UnusableModel

ARCHITECTURE = "ForSequenceClassification"


def read_reranker_card(
    name: str, folder: Path, overrides: Overrides = AS_STATED, *, source: str = ""
) -> ModelCard:
    """Of a cross-encoder, whose `dimensions` is 1: its output is one number. Of an embedding model,
    which reranks by late interaction, its own card.

    Raises UnusableModel where the folder is neither, has more than one label, or is not safe.
    """
    if "Pooling" in _modules(folder):
        return read_card(name, folder, overrides, source=source)
    config = read_json(folder / "config.json")
    _check(folder, config)
    max_tokens = lowered(max_tokens_of(folder, config), overrides, folder)
    identity = {
        "kind": "reranker",
        "config": config,
        "tokenizer": hashlib.sha256(read_bytes(folder / "tokenizer.json")).hexdigest(),
        "max_tokens": max_tokens,
    }
    prompts: dict[InputType, str] = {"document": "", "query": ""}
    return ModelCard(
        name, folder, 1, max_tokens, prompts, identity, overrides=overrides, source=source
    )


def is_cross_encoder(card: ModelCard) -> bool:
    """Whether the model reads query and text together."""
    return card.identity.get("kind") == "reranker"


def _modules(folder: Path) -> list[str]:
    """Kinds of the modules, as sentence-transformers saves them; empty without."""
    modules = read_json(folder / "modules.json") if (folder / "modules.json").exists() else []
    return [str(module.get("type")).rpartition(".")[2] for module in modules]


def _check(folder: Path, config: dict[str, Any]) -> None:
    [architecture, *_] = config.get("architectures") or [""]
    if not architecture.endswith(ARCHITECTURE) or _labels(config) != 1:
        raise UnusableModel(f"{folder}: expected a {ARCHITECTURE} with one label.")
    if "auto_map" in config:
        raise UnusableModel(f"{folder}: the model needs code of its own, which is not run.")
    if not any(folder.glob("*.safetensors")):
        raise UnusableModel(f"{folder} has no weights as safetensors; others are not loaded.")
    if _modules(folder) not in ([], ["Transformer"]):
        raise UnusableModel(f"{folder}: modules behind the Transformer are not supported.")
    own = optional_json(folder / "config_sentence_transformers.json")
    if own.get("default_prompt_name"):
        raise UnusableModel(f"{folder}: a prompt before the query is not supported.")


def _labels(config: dict[str, Any]) -> int:
    """transformers' own default is two."""
    return len(config["id2label"]) if "id2label" in config else int(config.get("num_labels", 2))
