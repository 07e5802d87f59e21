"""How much memory a model takes, and giving it back to the system."""

import ctypes
import gc
import json
import math
import mmap
from pathlib import Path

from embeddings.engine.interface import Precision, UnusableModel

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
AS_STORED = 4
"""Bytes of a number in OpenVINO's second copy, for texts that come alone, or in what it reads of
the converted file. Measured with MiniLM, which has 22.7 million: 180 MB in float32.
"""

MAPS = Path("/proc/self/maps")
"""Linux's; elsewhere the pages stay."""

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


def let_go_of(path: Path) -> None:
    """Take a file that was mapped to be read out of this process's memory; the pages that are read
    again come back from the system's cache of files.
    """
    if not MAPS.exists():
        return
    libc = ctypes.CDLL(None)
    for line in MAPS.read_text().splitlines():
        span, access, *_, mapped = line.split(maxsplit=5)
        # Nothing that can be written to: a page of our own would lose what it holds.
        if mapped == str(path.resolve()) and access.startswith("r--"):
            start, end = (int(address, 16) for address in span.split("-"))
            libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), mmap.MADV_DONTNEED)
