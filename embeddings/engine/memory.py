"""How much memory a model takes, and giving it back to the system."""

import ctypes
import gc
import json
import math
from pathlib import Path

from embeddings.engine.interface import Precision, UnusableModel

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
AS_STORED = 4
"""Bytes of a number in the converted file, which stays mapped beside what OpenVINO made of it.
Measured with MiniLM, which has 22.7 million: 150 to 180 MB in float32, 105 to 140 MB in bfloat16.
"""

MAX_HEADER_BYTES = 100_000_000
"""safetensors' own limit."""


def memory_of(folder: Path, *, precision: Precision) -> int:
    """Bytes that the folder's weights take when they run in the precision.

    Raises UnusableModel for a file that is not safetensors.
    """
    parameters = sum(parameter_count(path) for path in folder.rglob("*.safetensors"))
    return parameters * (AS_STORED + BYTES[precision])


def parameter_count(path: Path) -> int:
    """Numbers in the safetensors file, by its header alone: 8 bytes with the header's length,
    little-endian, and the header as JSON (github.com/huggingface/safetensors, "Format").
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, MAX_HEADER_BYTES)))
        return sum(
            math.prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__"
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnusableModel(f"{path} is not a safetensors file.") from error


def give_memory_back() -> None:
    """Free what nobody refers to, and let glibc return its free pages."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
    if trim:
        trim(0)
