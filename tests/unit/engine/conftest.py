"""What the tests with real models share: one conversion, and sentence-transformers' vectors."""

import subprocess
import sys
from pathlib import Path

import pytest

from embeddings.engine import EngineOptions

PROJECT = Path(__file__).resolve().parents[3]


def run_python(*arguments: str, timeout: float = 900) -> str:
    """Standard output of a fresh interpreter in the project. Raises with its errors."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def peer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny models in `models`, and NAME.npz with sentence-transformers' own vectors."""
    folder = tmp_path_factory.mktemp("peer")
    run_python("-m", "tests.unit.engine.peer", str(folder))
    return folder


@pytest.fixture(scope="session")
def real_options(peer_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> EngineOptions:
    data_dir = tmp_path_factory.mktemp("engine")
    return EngineOptions(data_dir=data_dir, model_dir=peer_folder / "models", device="cpu")
