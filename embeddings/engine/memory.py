"""How much memory a model takes, and giving it back to the system."""

import ctypes
import gc
import json
import math
from pathlib import Path

from embeddings.engine.interface import Precision, UnusableModel

BYTES = {"float32": 4, "bfloat16": 2}
MAX_HEADER_BYTES = 100_000_000
"""safetensors' own limit."""


def memory_of(folder: Path, *, precision: Precision) -> int:
    """Bytes of the folder's weights in the precision that they are run in.

    Raises UnusableModel for a file that is not safetensors.
    """
    parameters = sum(parameter_count(path) for path in folder.rglob("*.safetensors"))
    return parameters * BYTES[precision]


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
