"""SHA-256 of a model's files, remembered by size and time of change."""

import hashlib
import json
import os
import tempfile
from pathlib import Path


def sha256_of(path: Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def weights_sha256(folder: Path, *, memory: Path) -> dict[str, str]:
    """SHA-256 of every safetensors file below the folder, by relative path.

    `memory` is a JSON file of what was hashed before; a file whose size or time of change differs
    is read again.
    """
    known = _recall(memory)
    hashes = {}
    changed = False
    for path in sorted(folder.rglob("*.safetensors")):
        stat = path.stat()
        key = f"{path.resolve()}:{stat.st_size}:{stat.st_mtime_ns}"
        if key not in known:
            known[key] = sha256_of(path)
            changed = True
        hashes[path.relative_to(folder).as_posix()] = known[key]
    if changed:
        write_json(memory, known)
    return hashes


def write_json(path: Path, value: object) -> None:
    """Replace the file in one step: a reader sees the old content or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(value, file, indent=1, sort_keys=True)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise


def _recall(memory: Path) -> dict[str, str]:
    try:
        known: dict[str, str] = json.loads(memory.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return known
