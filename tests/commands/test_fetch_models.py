"""`manage.py fetch_models`, as an operator runs it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embedsite.config import BASE_DIR
from tests.unit.engine.hub_server import REPOSITORY, REVISION, Hub, sha256, small_hub
from tests.unit.engine.model_folders import make_model_folder


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with small_hub(make_model_folder(tmp_path / "small")) as hub:
        yield hub


def fetch(hub: Hub, data_dir: Path, *arguments: str, **values: Any) -> Any:
    source = {"hub": REPOSITORY, "revision": REVISION, "sha256": sha256(b"weights")}
    models = [{"name": "good", **source}, {"name": "other", **source, **values}]
    return subprocess.run(
        [sys.executable, "manage.py", "fetch_models", *arguments],
        cwd=BASE_DIR,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "embedsite.settings",
            "EMBED_DATA_DIR": str(data_dir),
            "EMBED_MODELS": json.dumps(models),
            "HF_ENDPOINT": hub.url,
            "HF_HUB_OFFLINE": "",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_it_works(hub: Hub, tmp_path: Path) -> None:
    done = fetch(hub, tmp_path / "var", "--json", "good")

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["name"], found["kind"], found["dimensions"]) == ("good", "embedding", 32)
    assert Path(found["folder"], "model.safetensors").read_bytes() == b"weights"
    assert not (tmp_path / "var" / "postgres").exists(), "it needs no database"


def test_a_model_that_can_not_be_fetched_keeps_no_other_from_it(hub: Hub, tmp_path: Path) -> None:
    done = fetch(hub, tmp_path / "var", revision="2" * 40)

    assert done.returncode == 1
    assert done.stdout.startswith("good: embedding model, fingerprint ")
    assert f"other: {REPOSITORY} can't be fetched: " in done.stderr
    assert "1 of 2 models can't be used." in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_name_is_refused(hub: Hub, tmp_path: Path) -> None:
    done = fetch(hub, tmp_path / "var", "gpt")

    assert done.returncode == 1
    assert "No model of the hub is declared as 'gpt'; these are: good, other" in done.stderr
    assert hub.asked == []
