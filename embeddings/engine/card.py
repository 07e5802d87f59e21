"""What a sentence-transformers folder says of itself, read from its JSON files alone."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embeddings.engine.interface import InputType, Precision, UnusableModel

MAX_TOKENS_UNSTATED = 512
"""For a model that states no limit: what BERT and most of its kin read."""

MAX_TOKENS_LIMIT = 1_000_000
"""transformers writes 1e30 for "no limit"."""

MODULES = {"Transformer", "Pooling", "Dense", "LayerNorm", "Dropout", "Normalize"}
"""Modules that may be loaded. `modules.json` names Python classes: nothing else is imported."""


@dataclass(frozen=True, slots=True)
class Overrides:
    """What holds in place of what the model's own files say; None leaves it to them."""

    max_tokens: int | None = None
    query_prompt: str | None = None
    document_prompt: str | None = None
    normalize: bool | None = None


AS_STATED = Overrides()


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model as its folder describes it; `identity` is what decides its vectors, weights apart.

    `source` is its name where it comes from. That, and not what it is called here, is part of its
    identity: a model under another name still makes the same vectors.
    """

    name: str
    folder: Path
    dimensions: int
    max_tokens: int
    prompts: dict[InputType, str]
    identity: dict[str, Any]
    normalized: bool = False
    overrides: Overrides = AS_STATED
    source: str = ""

    @property
    def pooling(self) -> str:
        """What makes one vector of the tokens': `mean`, `cls`, …"""
        config = next(own for kind, own in self.identity["modules"] if kind == "Pooling")
        if mode := config.get("pooling_mode"):
            return mode if isinstance(mode, str) else "+".join(mode)
        modes = [
            name.split("_")[2] for name, on in config.items() if "pooling_mode_" in name and on
        ]
        return "+".join(modes)

    def fingerprint(self, *, weights: dict[str, str], precision: Precision) -> str:
        """Identity of the vectors: the same after a restart and for every runtime."""
        name = self.source or self.name
        parts = {**self.identity, "name": name, "weights": weights, "precision": precision}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def read_card(
    name: str, folder: Path, overrides: Overrides = AS_STATED, *, source: str = ""
) -> ModelCard:
    """Raises UnusableModel where the folder is no sentence-transformers model or not a safe one."""
    modules = [(_module_type(module), module) for module in read_json(folder / "modules.json")]
    configs = [_module_config(folder, kind, module["path"]) for kind, module in modules]
    _check(folder, modules, configs)
    config = read_json(folder / "config.json")
    prompts = _prompts(folder, overrides)
    pooling = next((c for (kind, _), c in zip(modules, configs, strict=True) if kind == "Pooling"))
    if any(prompts.values()) and not pooling.get("include_prompt", True):
        raise UnusableModel(f"{folder}: pooling without the prompt is not supported.")
    dimensions = _dimensions(folder, [kind for kind, _ in modules], configs)
    max_tokens = lowered(max_tokens_of(folder, config), overrides, folder)
    parts = [[kind, own] for (kind, _), own in zip(modules, configs, strict=True)]
    normalized = _normalize(parts, wanted=overrides.normalize)
    identity = {
        "modules": parts,
        "config": config,
        "tokenizer": hashlib.sha256(read_bytes(folder / "tokenizer.json")).hexdigest(),
        "dimensions": dimensions,
        "max_tokens": max_tokens,
        "prompts": prompts,
    }
    return ModelCard(
        name, folder, dimensions, max_tokens, prompts, identity, normalized, overrides, source
    )


def read_bytes(path: Path) -> bytes:
    """Raises UnusableModel."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnusableModel(f"{path} can't be read: {error.strerror}.") from error


def read_json(path: Path) -> Any:
    """Raises UnusableModel."""
    try:
        return json.loads(read_bytes(path))
    except ValueError as error:
        raise UnusableModel(f"{path} is not JSON.") from error


def optional_json(path: Path) -> dict[str, Any]:
    """Empty where there is no such file. Raises UnusableModel."""
    found: dict[str, Any] = read_json(path) if path.exists() else {}
    return found


def _module_type(module: dict[str, Any]) -> str:
    package, _, kind = str(module.get("type", "")).rpartition(".")
    if package.split(".")[0] != "sentence_transformers" or kind not in MODULES:
        raise UnusableModel(
            f"Module {module.get('type')!r} is not supported; these are: {sorted(MODULES)}."
        )
    return kind


def _module_config(folder: Path, kind: str, path: str) -> dict[str, Any]:
    if kind == "Transformer":
        return optional_json(folder / path / "sentence_bert_config.json")
    return optional_json(folder / path / "config.json")


def _check(
    folder: Path, modules: list[tuple[str, dict[str, Any]]], configs: list[dict[str, Any]]
) -> None:
    """Refuse what would run code that is not ours or read pickled weights."""
    kinds = [kind for kind, _ in modules]
    if kinds[:1] != ["Transformer"] or modules[0][1]["path"] or "Pooling" not in kinds:
        raise UnusableModel(f"{folder}: expected a Transformer in the folder itself and a Pooling.")
    for (kind, module), config in zip(modules, configs, strict=True):
        own = folder / module["path"]
        if folder.resolve() not in (own.resolve(), *own.resolve().parents):
            raise UnusableModel(f"{folder}: module {module['path']!r} lies outside the folder.")
        if kind in {"Transformer", "Dense", "LayerNorm"} and not any(own.glob("*.safetensors")):
            raise UnusableModel(f"{own} has no weights as safetensors; others are not loaded.")
        activation = str(config.get("activation_function", "torch.nn."))
        if not activation.startswith("torch.nn."):
            raise UnusableModel(f"{own}: activation {activation!r} is not PyTorch's own.")


def _dimensions(folder: Path, kinds: list[str], configs: list[dict[str, Any]]) -> int:
    dimensions = 0
    for kind, config in zip(kinds, configs, strict=True):
        if kind == "Pooling":
            width = config.get("embedding_dimension") or config.get("word_embedding_dimension", 0)
            dimensions = int(width) * _pooling_modes(config)
        elif kind == "Dense":
            dimensions = int(config.get("out_features", 0))
    if dimensions < 1:
        raise UnusableModel(f"{folder} does not say how many dimensions its vectors have.")
    return dimensions


def _pooling_modes(config: dict[str, Any]) -> int:
    """How many poolings are put side by side; both spellings of sentence-transformers."""
    mode = config.get("pooling_mode")
    if mode is not None:
        return 1 if isinstance(mode, str) else len(mode)
    modes = [value for key, value in config.items() if key.startswith("pooling_mode_")]
    return max(1, sum(map(bool, modes)))


def max_tokens_of(folder: Path, config: dict[str, Any]) -> int:
    """The most that the model reads, as its tokenizer and its positions say."""
    stated = [
        optional_json(folder / "sentence_bert_config.json").get("max_seq_length")
        or optional_json(folder / "tokenizer_config.json").get("model_max_length"),
        config.get("max_position_embeddings"),
    ]
    limits = [int(each) for each in stated if each and 0 < each < MAX_TOKENS_LIMIT]
    return min(limits, default=MAX_TOKENS_UNSTATED)


def lowered(limit: int, overrides: Overrides, folder: Path) -> int:
    """The tokens to read of a model that reads `limit`. Raises UnusableModel for more than that."""
    wanted = overrides.max_tokens or limit
    if wanted > limit:
        raise UnusableModel(f"{folder} reads {limit} tokens, not {wanted}.")
    return wanted


def _normalize(parts: list[list[Any]], *, wanted: bool | None) -> bool:
    """Whether the last module normalises, after making it so where that is wanted."""
    stated = parts[-1][0] == "Normalize"
    if wanted and not stated:
        parts.append(["Normalize", {}])
    if wanted is False and stated:
        parts.pop()
    return stated if wanted is None else wanted


def _prompts(folder: Path, overrides: Overrides) -> dict[InputType, str]:
    """The model's own prompts unless others are wanted, chosen as sentence-transformers documents
    encode_document and encode_query; no default prompt takes the place of one that is missing.
    """
    stated = optional_json(folder / "config_sentence_transformers.json").get("prompts") or {}
    documents = (stated.get(kind) for kind in ("document", "passage", "corpus"))
    return {
        "document": _first(overrides.document_prompt, *documents),
        "query": _first(overrides.query_prompt, stated.get("query")),
    }


def _first(*prompts: str | None) -> str:
    return next((prompt for prompt in prompts if prompt is not None), "")
