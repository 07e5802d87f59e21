"""Hashes of a model's files."""

import hashlib
import os
from pathlib import Path

import pytest

from embeddings.engine import weights
from embeddings.engine.weights import weights_sha256, write_json


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were really read."""
    read: list[Path] = []
    real = weights.sha256_of

    def watched(path: Path) -> str:
        read.append(path)
        return real(path)

    monkeypatch.setattr(weights, "sha256_of", watched)
    return read


def test_it_works(tmp_path: Path, hashed: list[Path]) -> None:
    (tmp_path / "m" / "2_Dense").mkdir(parents=True)
    (tmp_path / "m" / "model.safetensors").write_bytes(b"one")
    (tmp_path / "m" / "2_Dense" / "model.safetensors").write_bytes(b"two")
    (tmp_path / "m" / "README.md").write_bytes(b"no weights")
    expected = {
        "2_Dense/model.safetensors": hashlib.sha256(b"two").hexdigest(),
        "model.safetensors": hashlib.sha256(b"one").hexdigest(),
    }

    for _ in range(2):
        assert weights_sha256(tmp_path / "m", memory=tmp_path / "memory.json") == expected
    assert len(hashed) == 2


def test_a_changed_file_is_read_again(tmp_path: Path, hashed: list[Path]) -> None:
    file = tmp_path / "model.safetensors"
    memory = tmp_path / "memory.json"
    file.write_bytes(b"one")
    before = weights_sha256(tmp_path, memory=memory)
    file.write_bytes(b"two")  # as long as before
    os.utime(file, ns=(1, 1))

    assert weights_sha256(tmp_path, memory=memory) != before
    assert len(hashed) == 2


def test_a_spoilt_memory_is_made_anew(tmp_path: Path, hashed: list[Path]) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"one")
    memory = tmp_path / "memory.json"
    memory.write_text("{half a fi")

    weights_sha256(tmp_path, memory=memory)
    weights_sha256(tmp_path, memory=memory)

    assert len(hashed) == 1


def test_what_can_not_be_written_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"a": 1})

    with pytest.raises(TypeError):
        write_json(path, {"a": object()})

    assert path.read_text() == '{\n "a": 1\n}'
    assert list(tmp_path.iterdir()) == [path]
