"""What a model's weights take."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from embeddings.engine.interface import UnusableModel
from embeddings.engine.memory import give_memory_back, memory_of


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
