"""What counts as a document's metadata."""

import json
import math
from typing import Any

from embeddings.types.text import is_storable


def metadata_fault(metadata: Any, *, max_bytes: int, max_depth: int) -> str | None:
    """Why the value is no storable metadata, as a sentence for its caller; None when it is."""
    if not isinstance(metadata, dict):
        return "Send a JSON object."
    fault = _fault(metadata, place="", depth=max_depth)
    if fault is None and _size(metadata) > max_bytes:
        return f"The metadata is larger than {max_bytes} bytes as JSON."
    return fault


def _fault(value: Any, *, place: str, depth: int) -> str | None:
    if isinstance(value, str):
        return None if is_storable(value) else f"{place} holds NUL or a lone surrogate."
    if isinstance(value, int) or value is None:
        return None
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{place} is not a finite number."
    return _container_fault(value, place=place, depth=depth)


def _container_fault(value: Any, *, place: str, depth: int) -> str | None:
    if not isinstance(value, dict | list):
        return f"{place} is no JSON value."
    if depth == 0:
        return "The metadata nests too deep."
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(value, dict) and not (isinstance(key, str) and is_storable(key)):
            return f"{place or 'The metadata'} has a key that is no storable string."
        inner = f"{place}.{key}" if place else str(key)
        if fault := _fault(item, place=inner[:200], depth=depth - 1):
            return fault
    return None


def _size(metadata: dict[str, Any]) -> int:
    # Not orjson: PostgreSQL gives 1e22 back as an integer, which is too large for it.
    return len(json.dumps(metadata, ensure_ascii=False, separators=(",", ":")).encode())
