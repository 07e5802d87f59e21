"""Fetches declared models from the Hugging Face hub: when an operator says so, never by itself."""

import os
import shutil
import sys
from pathlib import Path

# Before the library is imported, anywhere: what is fetched is nobody else's business.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import httpx2
import structlog
from huggingface_hub import snapshot_download
from huggingface_hub.utils.tqdm import disable_progress_bars

from embeddings.engine.interface import EngineOptions, UnusableModel
from embeddings.engine.prepare import only_one_process
from embeddings.engine.sources import WEIGHTS_FILE, hub_folder
from embeddings.engine.weights import sha256_of
from embeddings.types.model import ModelDeclaration

log = structlog.stdlib.get_logger("embeddings.engine")

FILES = ["*.safetensors", "*.json", "vocab.txt", "merges.txt", "*.model"]
"""Weights, descriptions and tokenizers: nothing that is code, or pickled."""

OTHER_FILES = ["onnx/*", "openvino/*"]
"""The same model for other runtimes."""


def fetch_model(
    declaration: ModelDeclaration, options: EngineOptions, *, endpoint: str | None = None
) -> Path:
    """The model's folder in the data directory, downloaded and verified unless it is there.

    `endpoint` is the hub, HF_ENDPOINT or huggingface.co by default. Raises UnusableModel where it
    does not have the declared files. What an interrupted download has finished is kept.
    """
    folder = hub_folder(declaration, options)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with only_one_process(folder.with_name(f".{folder.name}.lock")):
        if not folder.is_dir():
            part = folder.with_name(f".{folder.name}.part")
            _download(declaration, part, endpoint)
            _verify(declaration, part)
            shutil.rmtree(part / ".cache", ignore_errors=True)
            part.replace(folder)
            log.info("model_fetched", model=declaration.name, folder=str(folder))
    return folder


def _download(declaration: ModelDeclaration, part: Path, endpoint: str | None) -> None:
    if not sys.stderr.isatty():
        disable_progress_bars()
    try:
        snapshot_download(
            str(declaration.hub),
            revision=declaration.revision,
            local_dir=part,
            allow_patterns=FILES,
            ignore_patterns=OTHER_FILES,
            endpoint=endpoint,
        )
    except (httpx2.HTTPError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UnusableModel(f"{declaration.hub} can't be fetched: {reason}") from error


def _verify(declaration: ModelDeclaration, part: Path) -> None:
    weights = part / WEIGHTS_FILE
    found = sha256_of(weights) if weights.is_file() else "missing"
    if found != declaration.sha256:
        shutil.rmtree(part)
        raise UnusableModel(
            f"{declaration.hub}: {WEIGHTS_FILE} has not the declared sha256, but is {found}."
        )
