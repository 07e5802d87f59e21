"""Which runtime a model gets."""

from pathlib import Path
from typing import Literal

import pytest

from embeddings.engine.interface import EngineOptions, Precision, UnusableModel
from embeddings.engine.loading import has_cuda


def options(
    tmp_path: Path, *, device: Literal["auto", "cpu", "cuda"], precision: Precision
) -> EngineOptions:
    return EngineOptions(data_dir=tmp_path, device=device, precision=precision)


def test_it_works(tmp_path: Path) -> None:
    assert not has_cuda(options(tmp_path, device="cpu", precision="float32"))
    assert not has_cuda(options(tmp_path, device="cpu", precision="bfloat16"))


def test_float16_is_refused_where_there_is_no_gpu(tmp_path: Path) -> None:
    with pytest.raises(UnusableModel, match="float16"):
        has_cuda(options(tmp_path, device="cpu", precision="float16"))
