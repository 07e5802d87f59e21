"""Exports into a file in the caller's own process, which go on where they were cut off."""

import gzip
import json
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from embeddings.models import Collection
from embeddings.services.export import Exported, export_documents
from embeddings.services.row_filter import within_view
from embeddings.types.filter import MetadataFilter


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a file is: so many documents in so many bytes, up to the document with this key."""

    what: dict[str, Any]
    documents: int = 0
    bytes: int = 0
    after: str | None = None

    @classmethod
    def read(cls, path: Path, *, what: dict[str, Any]) -> Self:
        """What was written of the same export, or the beginning of it."""
        try:
            known = cls(**json.loads(_beside(path, "progress").read_text()))
            written = _beside(path, "partial").stat().st_size
        except (OSError, ValueError, TypeError):
            return cls(what)
        return known if known.what == what and written >= known.bytes else cls(what)

    def write(self, path: Path) -> None:
        """In place of what is there, whole or not at all."""
        fresh = _beside(path, "progress.new")
        fresh.write_text(json.dumps(asdict(self)))
        fresh.replace(_beside(path, "progress"))


def export_to_file(
    *,
    path: Path,
    collection: Collection,
    metadata_filter: MetadataFilter | None,
    vectors: bool,
    head: bytes,
    encode: Callable[[list[Exported]], bytes],
    restart: bool = False,
    on_batch: Callable[[int], object] | None = None,
) -> int:
    """How many documents the file holds in the end; it stands under its name when it is whole.
    `encode` makes the bytes of a batch, `head` stands before them; a name that ends in .gz packs
    them. `on_batch` hears how many documents are written.

    Raises InvalidFilter, OSError, and NotFound when the collection is deleted meanwhile.
    """
    pack = gzip.compress if path.name.endswith(".gz") else bytes
    what = {
        "collection": str(collection.pk),
        # With what the caller may see.
        "filter": repr(within_view(collection=collection, metadata_filter=metadata_filter)),
        # The vectors of two models are not to be mixed.
        "vectors": collection.generation.pk if vectors else None,
    }
    progress = Progress(what) if restart else Progress.read(path, what=what)
    partial = _beside(path, "partial")
    with partial.open("r+b" if progress.bytes else "wb") as file:
        file.truncate(progress.bytes)
        file.seek(progress.bytes)
        if not progress.bytes:
            file.write(pack(head))
        after = None if progress.after is None else uuid.UUID(progress.after)
        done = progress.documents
        for batch in export_documents(
            collection=collection, metadata_filter=metadata_filter, vectors=vectors, after=after
        ):
            file.write(pack(encode(batch)))
            file.flush()
            done += len(batch)
            Progress(what, done, file.tell(), str(batch[-1].document.pk)).write(path)
            if on_batch is not None:
                on_batch(done)
    partial.replace(path)
    _beside(path, "progress").unlink(missing_ok=True)
    return done


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}.{ending}")
