"""The chunks of documents on their way in, with their vectors."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from embeddings.chunking import Span
from embeddings.engine import Embedder
from embeddings.exceptions import TextTooLong
from embeddings.models import Collection
from embeddings.services.chunking import cut_texts
from embeddings.services.embed import embed_cached
from embeddings.services.engine import require_fingerprint
from embeddings.store.chunks import ChunkRow
from embeddings.store.documents import DocumentRow
from embeddings.types.embed import EmbedResult

SLICE = 1_000
"""Chunks embedded at once: a document of many takes its turns beside the requests of others, and
what a provider elsewhere has to do in its time stays within bounds."""


@dataclass
class DocumentChunks:
    """What has been embedded so far for one request."""

    by_id: dict[uuid.UUID, list[ChunkRow]] = field(default_factory=dict)
    truncated: list[str] = field(default_factory=list)
    tokens: int = 0
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class _Part:
    """A chunk that is to be embedded."""

    row: DocumentRow
    ordinal: int
    span: Span

    @property
    def text(self) -> str:
        return self.row.text[slice(*self.span)]


def given_chunk(*, row: DocumentRow, embedding: NDArray[np.float32]) -> list[ChunkRow]:
    """All of the document as one chunk, since its caller has one vector for it."""
    return [_chunk_row(_Part(row, 0, (0, len(row.text))), embedding)]


def embed_documents(
    *,
    collection: Collection,
    rows: Sequence[DocumentRow],
    chunks: DocumentChunks,
    owner_id: int | None,
    truncate: bool,
) -> None:
    """Cut the rows' texts as the collection does, embed the parts and add them to `chunks`.

    Raises TooManyChunks and TextTooLong, with the row's `index` among the values, and what
    require_fingerprint raises.
    """
    generation = collection.generation
    embedder = require_fingerprint(model=generation.model, fingerprint=generation.fingerprint)
    cut = cut_texts(collection=collection, texts=[row.text for row in rows])
    parts = [
        _Part(row, ordinal, span)
        for row, spans in zip(rows, cut, strict=True)
        for ordinal, span in enumerate(spans)
    ]
    for at in range(0, len(parts), SLICE):
        _embed(embedder, parts[at : at + SLICE], rows, chunks, owner_id=owner_id, truncate=truncate)


def _embed(
    embedder: Embedder,
    parts: Sequence[_Part],
    rows: Sequence[DocumentRow],
    chunks: DocumentChunks,
    *,
    owner_id: int | None,
    truncate: bool,
) -> None:
    try:
        embedded = embed_cached(
            embedder=embedder,
            owner_id=owner_id,
            texts=[part.text for part in parts],
            truncate=truncate,
        )
    except TextTooLong as error:
        row = parts[error.values["index"]].row
        raise TextTooLong(**{**error.values, "index": rows.index(row)}) from None
    _add(chunks, parts, embedded)


def _add(chunks: DocumentChunks, parts: Sequence[_Part], embedded: EmbedResult) -> None:
    for part, vector, cut in zip(parts, embedded.vectors, embedded.truncated, strict=True):
        if part.ordinal == 0:
            chunks.by_id[part.row.id] = []
        chunks.by_id[part.row.id].append(_chunk_row(part, vector))
        if cut and part.row.external_id not in chunks.truncated[-1:]:
            chunks.truncated.append(part.row.external_id)
    chunks.tokens += int(embedded.tokens.sum())
    chunks.cached_tokens += embedded.cached_tokens


def _chunk_row(part: _Part, vector: NDArray[np.float32]) -> ChunkRow:
    start, end = part.span
    return ChunkRow(
        document_id=part.row.id, ordinal=part.ordinal, start=start, end=end, embedding=vector
    )
