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
    read_json,
)
from embeddings.engine.interface import InputType, UnusableModel

ARCHITECTURE = "ForSequenceClassification"


def read_reranker_card(
    name: str, folder: Path, overrides: Overrides = AS_STATED, *, source: str = ""
) -> ModelCard:
    """Raises UnusableModel where the folder is no cross-encoder with one label, or not a safe one.

    `dimensions` is 1: its output is one number.
    """
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


def _check(folder: Path, config: dict[str, Any]) -> None:
    [architecture, *_] = config.get("architectures") or [""]
    if not architecture.endswith(ARCHITECTURE) or _labels(config) != 1:
        raise UnusableModel(f"{folder}: expected a {ARCHITECTURE} with one label.")
    if "auto_map" in config:
        raise UnusableModel(f"{folder}: the model needs code of its own, which is not run.")
    if not any(folder.glob("*.safetensors")):
        raise UnusableModel(f"{folder} has no weights as safetensors; others are not loaded.")
    modules = read_json(folder / "modules.json") if (folder / "modules.json").exists() else []
    kinds = [str(module.get("type")).rpartition(".")[2] for module in modules]
    if kinds not in ([], ["Transformer"]) or any(module.get("path") for module in modules):
        raise UnusableModel(f"{folder}: modules behind the Transformer are not supported.")
    own = optional_json(folder / "config_sentence_transformers.json")
    if own.get("default_prompt_name"):
        raise UnusableModel(f"{folder}: a prompt before the query is not supported.")


def _labels(config: dict[str, Any]) -> int:
    """transformers' own default is two."""
    return len(config["id2label"]) if "id2label" in config else int(config.get("num_labels", 2))
