"""The batches in which documents are imported, and the rows that are taken out of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from accounts.exceptions import Problem
from embeddings.exceptions import (
    DocumentExists,
    InvalidMetadata,
    InvalidRequest,
    OutsideView,
    TooManyChunks,
)
from embeddings.exceptions_identity import RedactedEmbedding, RedactionUnavailable
from embeddings.models import Collection
from embeddings.models.document import document_id
from embeddings.readers.rows import Row
from embeddings.services.document_input import parse_document
from embeddings.services.metadata_schema import check_metadata
from embeddings.services.redaction import OF_REDACTED, redact_document
from embeddings.store.documents import Written
from embeddings.types.document import DocumentInput
from embeddings.types.redaction import Redaction
from embeddings.types.vector import check_vector

BATCH_DOCUMENTS = 256
BATCH_CHARS = 400_000
"""A batch is the step at which an import is recorded and can stop: about a second of MiniLM on two
cores."""

Refusals = list[dict[str, Any]]


@dataclass(slots=True)
class Batch:
    """Rows that go in together; `last` is the number of the last one."""

    documents: dict[str, tuple[int, DocumentInput]] = field(default_factory=dict)
    refused: Refusals = field(default_factory=list)
    chars: int = 0
    last: int = 0

    def is_full(self, limit: int) -> bool:
        """Whether the next row begins another batch."""
        rows = len(self.documents) + len(self.refused)
        return rows >= limit or self.chars >= BATCH_CHARS


def batches(*, collection: Collection, rows: Iterable[Row], limit: int) -> Iterator[Batch]:
    """The rows in batches of up to `limit`, with those refused that are no documents for the
    collection.
    """
    batch = Batch()
    for row in rows:
        try:
            document = read_document(collection=collection, row=row)
        except RedactionUnavailable:
            raise  # the row is no worse than any other, and may go in later
        except Problem as problem:
            batch.refused.append(_refusal(row.number, problem))
        else:
            if document.external_id in batch.documents:
                # As if each row were added by itself: the later one meets the earlier one stored.
                yield batch
                batch = Batch()
            batch.documents[document.external_id] = (row.number, document)
            batch.chars += len(document.text)
        batch.last = row.number
        if batch.is_full(limit):
            yield batch
            batch = Batch()
    if batch.last:
        yield batch


def read_document(*, collection: Collection, row: Row) -> DocumentInput:
    """The document as it would be stored. Raises what refuses the row."""
    if row.fault is not None:
        raise InvalidRequest(detail=row.fault)
    if isinstance(row.raw, dict) and row.raw.get("embedding") == OF_REDACTED:
        raise RedactedEmbedding(param="embedding", external_id=row.raw.get("id"))
    redaction = Redaction.from_json(collection.redaction)
    document = redact_document(redaction, parse_document(_without_chunks(row.raw)), param="")
    if document.embedding is not None:
        check_vector(
            document.embedding, dimensions=collection.generation.dimensions, param="embedding"
        )
    _check_metadata(collection, document)
    return document


def _without_chunks(raw: Any) -> Any:
    """The row, of an export with vectors too: those of a text of several chunks are made anew."""
    if not isinstance(raw, dict) or "chunks" not in raw:
        return raw
    return {name: value for name, value in raw.items() if name != "chunks"}


def _check_metadata(collection: Collection, document: DocumentInput) -> None:
    check_metadata(
        collection=collection,
        external_id=document.external_id,
        metadata=document.metadata,
        param="metadata",
    )


def take_out(
    *, collection: Collection, batch: Batch, problem: InvalidMetadata | OutsideView | TooManyChunks
) -> Refusals:
    """Refuse the rows for which the batch was refused, so that the others can go in."""
    match problem:
        case InvalidMetadata():  # the schema has changed since the rows were read, and is known now
            refused = _take_out_broken(collection, batch)
        case OutsideView():
            refused = [
                _taken(batch, external_id, OutsideView(param="id", external_ids=[external_id]))
                for external_id in problem.values["external_ids"]
            ]
        case TooManyChunks():
            external_id = list(batch.documents)[problem.values["index"]]
            refused = [_taken(batch, external_id, problem.at("text", index=0))]
    batch.refused += refused
    return refused


def _taken(batch: Batch, external_id: str, problem: Problem) -> dict[str, Any]:
    number, _ = batch.documents.pop(external_id)
    return _refusal(number, problem)


def _take_out_broken(collection: Collection, batch: Batch) -> Refusals:
    refused = []
    for external_id, (_, document) in list(batch.documents.items()):
        try:
            _check_metadata(collection, document)
        except InvalidMetadata as problem:
            refused.append(_taken(batch, external_id, problem))
    return refused


def existing(*, collection: Collection, batch: Batch, written: Written) -> Refusals:
    """Of the rows whose documents are not among those that were added."""
    return [
        _refusal(number, DocumentExists(param="id", external_id=external_id))
        for external_id, (number, _) in batch.documents.items()
        if document_id(collection_id=collection.pk, external_id=external_id) not in written.added
    ]


def _refusal(number: int, problem: Problem) -> dict[str, Any]:
    return {
        "line": number,
        "param": problem.param,
        "code": problem.code,
        "detail": problem.detail,
    }
