"""Converts a model once, in a process of its own, and keeps the result in the data directory."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import structlog

from embeddings.engine.card import ModelCard
from embeddings.engine.weights import write_json

log = structlog.stdlib.get_logger("embeddings.engine")

META_FILE = "meta.json"
TOKENIZER_FILE = "tokenizer.json"
DOES_NOT_CONVERT = 3
"""Exit status of the converter for a model that fails however often it is tried."""

EMBEDDER = "embeddings.engine.convert"
RERANKER = "embeddings.engine.reranker_convert"
"""Modules that convert, each for its kind of model."""

GRAPH = 2
"""Raise it with any change of what a conversion makes: what was made before is made again."""

PROJECT = Path(__file__).resolve().parents[2]

CONVERSION_TIMEOUT = 1800
"""Seconds; MiniLM takes 15 on two slow cores."""


def converted_folder(
    card: ModelCard, *, fingerprint: str, models: Path, converter: str = EMBEDDER
) -> Path | None:
    """The model converted to OpenVINO, now if it never was; None where it needs PyTorch.

    `fingerprint` is the one in float32: the graph is the same in every precision.
    """
    # The same model under several names is converted once.
    name = re.sub(r"[^A-Za-z0-9._-]", "_", card.source or card.name)
    folder = models / f"{name}-{fingerprint[:12]}"
    if not _known(folder):
        models.mkdir(parents=True, exist_ok=True)
        with only_one_process(models / f".{folder.name}.lock"):
            if not _known(folder):
                _convert(card, folder, converter)
    return folder if read_meta(folder).get("runtime") == "openvino" else None


def read_meta(folder: Path) -> dict[str, Any]:
    """What the conversion left to know; empty where there was none."""
    try:
        meta: dict[str, Any] = json.loads((folder / META_FILE).read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return meta


def _known(folder: Path) -> bool:
    """Whether it was converted, or was found not to convert by these same libraries."""
    meta = read_meta(folder)
    return (meta.get("runtime") == "openvino" and meta.get("graph") == GRAPH) or (
        meta.get("runtime") == "pytorch" and meta.get("versions") == _versions()
    )


def _versions() -> dict[str, str]:
    """What decides whether a model converts."""
    return {name: version(name) for name in ("openvino", "sentence-transformers", "torch")}


@contextmanager
def only_one_process(path: Path) -> Iterator[None]:
    """Held until the block ends or the process dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _convert(card: ModelCard, folder: Path, converter: str) -> None:
    for abandoned in folder.parent.glob(f".{folder.name}-*.part"):
        shutil.rmtree(abandoned, ignore_errors=True)
    log.info("model_converting", model=card.name)
    with tempfile.TemporaryDirectory(
        prefix=f".{folder.name}-", suffix=".part", dir=folder.parent, ignore_cleanup_errors=True
    ) as temporary:
        part = Path(temporary) / "model"
        part.mkdir()
        done = _run_converter(converter, card, part)
        if done.returncode == 0:
            shutil.rmtree(folder, ignore_errors=True)
            part.replace(folder)
            log.info("model_converted", model=card.name, folder=str(folder))
            return
    reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    log.warning("model_not_converted", model=card.name, status=done.returncode, reason=reason)
    # Any other status, out of memory or a full disk, may not come again: tried at the next start.
    if done.returncode == DOES_NOT_CONVERT:
        folder.mkdir(exist_ok=True)
        refusal = {"runtime": "pytorch", "reason": reason, "versions": _versions()}
        write_json(folder / META_FILE, refusal)


def _run_converter(
    converter: str, card: ModelCard, destination: Path
) -> subprocess.CompletedProcess[str]:
    overrides = json.dumps(asdict(card.overrides))
    return subprocess.run(
        [sys.executable, "-m", converter, str(card.folder), str(destination), overrides],
        cwd=PROJECT,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=CONVERSION_TIMEOUT,
    )
