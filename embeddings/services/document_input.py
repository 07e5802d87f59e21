"""A document out of untyped JSON: the rules that every way in shares."""

import hashlib
import json
from typing import Any

import orjson
from django.conf import settings

from embeddings.constants import MAX_EXTERNAL_ID_CHARS
from embeddings.exceptions import InvalidRequest
from embeddings.services.embed import check_text
from embeddings.types.document import DocumentInput
from embeddings.types.metadata import metadata_fault
from embeddings.types.text import is_storable
from embeddings.types.vector import parse_vector

FIELDS = ("id", "text", "metadata", "embedding")
SHOWN_CHARS = 100
"""How much of an unknown field's name an answer repeats."""


def parse_document(raw: Any) -> DocumentInput:
    """The document that the JSON value spells; without an id it gets one made of its content, so
    that sending it again changes nothing.

    Raises InvalidRequest, EmptyText or InvalidVector, with the field at fault.
    """
    if not isinstance(raw, dict):
        raise InvalidRequest(detail="Send a JSON object with the document's text.")
    for key in raw:
        if key not in FIELDS:
            detail = f"There is no such field here. Known: {', '.join(FIELDS)}."
            raise InvalidRequest(param=key[:SHOWN_CHARS], detail=detail)
    text = raw.get("text")
    if not isinstance(text, str):
        raise InvalidRequest(param="text", detail="Send the text as a string.")
    check_text(text, param="text")
    metadata = raw.get("metadata", {})
    config = settings.EMBED
    fault = metadata_fault(
        metadata, max_bytes=config.max_metadata_bytes, max_depth=config.max_json_depth
    )
    if fault:
        raise InvalidRequest(param="metadata", detail=fault)
    return DocumentInput(
        external_id=_external_id(raw["id"]) if "id" in raw else content_id(text, metadata),
        text=text,
        metadata=metadata,
        embedding=parse_vector(raw["embedding"], param="embedding") if "embedding" in raw else None,
    )


def content_id(text: str, metadata: dict[str, Any]) -> str:
    """32 hexadecimal digits that stand for the content."""
    try:
        content = orjson.dumps([text, metadata], option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # An integer beyond 64 bits, which no caller of the API can send, but the console.
        content = json.dumps([text, metadata], sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()[:32]


def _external_id(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_EXTERNAL_ID_CHARS:
        detail = f"Send the id as a string of 1 to {MAX_EXTERNAL_ID_CHARS} characters."
        raise InvalidRequest(param="id", detail=detail)
    if not is_storable(value):
        raise InvalidRequest(param="id", detail="The id holds NUL or a lone surrogate. Remove it.")
    return value
