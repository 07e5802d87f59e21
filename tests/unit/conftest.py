"""What tests of the configuration share."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """None of the service's variables but the data folder's, which is empty."""
    for name in [*os.environ]:
        if name.startswith("EMBED_") or name in ("DATABASE_URL", "REDIS_URL"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("EMBED_DATA_DIR", str(tmp_path / "data"))
