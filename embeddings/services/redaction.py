"""Personal data taken out of what callers send, before any of it is stored, cached or embedded.

Queries are redacted as the documents are: `[EMAIL]` is found by an address, and nothing of the
address is kept with the collection's frequent queries or told to a reranker elsewhere.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import orjson
from django.conf import settings

from embeddings.exceptions_identity import (
    InvalidRedaction,
    RedactedEmbedding,
    RedactionUnavailable,
)
from embeddings.models import Collection
from embeddings.redaction import redact_text
from embeddings.redaction.names import find_names, missing
from embeddings.services.document_input import content_id
from embeddings.types.document import DocumentInput
from embeddings.types.metadata import metadata_fault
from embeddings.types.redaction import Entity, Redaction
from embeddings.types.search import SearchParams


def check_redaction(redaction: Redaction) -> None:
    """Raises InvalidRedaction where it asks for what is not installed here."""
    if Entity.NAME in redaction.entities:
        absent = missing(model=settings.EMBED.redaction_model)
        if absent:
            raise InvalidRedaction(param="redaction.entities", missing=", ".join(absent))


def redacted(redaction: Redaction, text: str) -> str:
    """The text without what is redacted. Raises RedactionUnavailable: rather nothing is stored than
    a name.
    """
    names = partial(find_names, model=settings.EMBED.redaction_model)
    try:
        return redact_text(text, kinds=redaction.entities, names=names)
    except ImportError:
        raise RedactionUnavailable from None


def redact_document(redaction: Redaction, document: DocumentInput, *, param: str) -> DocumentInput:
    """The document without what is redacted; under another id where that was made of its content.
    Its own id stays as it is.

    Raises RedactedEmbedding, at `param`, for a vector that was made of what is redacted, and
    RedactionUnavailable.
    """
    if document.redaction == redaction:
        return document
    text = redacted(redaction, document.text)
    metadata = redact_metadata(redaction, document.metadata)
    if document.embedding is not None and text != document.text:
        raise RedactedEmbedding(param=f"{param}embedding", external_id=document.external_id)
    external_id = document.external_id
    if external_id == content_id(document.text, document.metadata):
        external_id = content_id(text, metadata)
    return replace(
        document, external_id=external_id, text=text, metadata=metadata, redaction=redaction
    )


def redact_documents(
    *, collection: Collection, documents: Sequence[DocumentInput]
) -> Sequence[DocumentInput]:
    """The documents as the collection redacts them. Raises what redact_document does."""
    redaction = Redaction.from_json(collection.redaction)
    return [
        redact_document(redaction, document, param=f"documents.{index}.")
        for index, document in enumerate(documents)
    ]


def redact_metadata(redaction: Redaction, metadata: dict[str, Any]) -> dict[str, Any]:
    """The metadata with its strings redacted, where that is asked for; keys and numbers stay."""
    if not redaction.metadata:
        return metadata
    redacted_metadata: dict[str, Any] = _redact_value(redaction, metadata)
    return redacted_metadata


def _redact_value(redaction: Redaction, value: Any) -> Any:
    if isinstance(value, str):
        return redacted(redaction, value)
    if isinstance(value, dict):
        return {key: _redact_value(redaction, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_redact_value(redaction, inner) for inner in value]
    return value


OF_REDACTED = "of what is redacted"
"""Stands in a line for the vector that its caller made of the original."""

UNREADABLE = b"{"
"""Stands for a line that is no JSON: nobody can tell what it holds."""


def redact_lines(redaction: Redaction, content: bytes) -> bytes:
    """Lines of an import without what is redacted, to be kept until they are imported. Raises
    RedactionUnavailable.
    """
    return b"\n".join([_redact_line(redaction, line) for line in content.split(b"\n")])


def _redact_line(redaction: Redaction, line: bytes) -> bytes:
    if not line.strip():
        return line
    try:
        raw = orjson.loads(line)
    except orjson.JSONDecodeError:
        return UNREADABLE
    if not isinstance(raw, dict):
        return b"null"
    # Of what makes the line no document nothing is kept but that it is there.
    kept: dict[str, Any] = dict.fromkeys(raw)
    if isinstance(raw.get("id"), str):
        kept["id"] = raw["id"]
    if "embedding" in raw:
        kept["embedding"] = raw["embedding"]
    if isinstance(raw.get("text"), str):
        kept["text"] = redacted(redaction, raw["text"])
        if "embedding" in raw and kept["text"] != raw["text"]:
            kept["embedding"] = OF_REDACTED
    config, metadata = settings.EMBED, raw.get("metadata")
    limits = {"max_bytes": config.max_metadata_bytes, "max_depth": config.max_json_depth}
    if isinstance(metadata, dict) and metadata_fault(metadata, **limits) is None:
        kept["metadata"] = redact_metadata(redaction, metadata)
    try:
        return orjson.dumps(kept)
    except orjson.JSONEncodeError:  # an "embedding" nested deeper than orjson writes
        return UNREADABLE


def redact_query(*, collections: Sequence[Collection], params: SearchParams) -> SearchParams:
    """The search with its query as the collections redact their texts, all of them together. Raises
    RedactionUnavailable.
    """
    if params.query is None or not any(collection.redaction for collection in collections):
        return params
    query = params.query
    for redaction in _redactions(collections):
        query = redacted(redaction, query)
    return params if query == params.query else replace(params, query=query)


def _redactions(collections: Sequence[Collection]) -> Iterator[Redaction]:
    for collection in collections:
        if collection.redaction:
            yield Redaction.from_json(collection.redaction)
