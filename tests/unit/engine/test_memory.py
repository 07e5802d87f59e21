"""What a model's weights take."""

import mmap
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from embeddings.engine.interface import UnusableModel
from embeddings.engine.memory import MAPS, give_memory_back, let_go_of, memory_of


def test_it_works(tmp_path: Path) -> None:
    """Whatever precision they were published in."""
    (tmp_path / "2_Dense").mkdir()
    save_file(
        {"a": np.zeros((3, 4), np.float32), "b": np.zeros((), np.float32)},
        tmp_path / "model.safetensors",
        metadata={"format": "pt"},
    )
    save_file({"w": np.zeros(7, np.float16)}, tmp_path / "2_Dense" / "model.safetensors")

    assert memory_of(tmp_path, precision="float32") == (12 + 1 + 7) * 8
    assert memory_of(tmp_path, precision="bfloat16") == (12 + 1 + 7) * 6
    give_memory_back()


@pytest.mark.parametrize(
    "content", [b"", b"weights", b"\2\0\0\0\0\0\0\0[]", b"\7\0\0\0\0\0\0\0" + b'{"a":1}']
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)

    with pytest.raises(UnusableModel, match="is not a safetensors file"):
        memory_of(tmp_path, precision="float32")


@pytest.mark.skipif(not MAPS.exists(), reason="only Linux says what is mapped")
def test_a_mapped_file_leaves_memory_and_can_still_be_read(tmp_path: Path) -> None:
    path, other = tmp_path / "model.bin", tmp_path / "other.bin"
    for each in (path, other):
        each.write_bytes(b"weights!" * 100_000)
    with path.open("rb") as file, other.open("rb") as kept:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        beside = mmap.mmap(kept.fileno(), 0, access=mmap.ACCESS_READ)
    assert bytes(mapped) == bytes(beside)
    assert resident_kb(path) == resident_kb(other) > 700

    let_go_of(path)

    assert resident_kb(path) == 0
    assert resident_kb(other) > 700
    assert bytes(mapped) == bytes(beside)


def resident_kb(path: Path) -> int:
    """Of the file, in this process's memory, as proc(5) tells of every mapping."""
    lines = Path("/proc/self/smaps").read_text().splitlines()
    [start] = [at for at, line in enumerate(lines) if line.endswith(str(path.resolve()))]
    return next(int(line.split()[1]) for line in lines[start:] if line.startswith("Rss:"))
