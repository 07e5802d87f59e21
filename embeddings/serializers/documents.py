"""Documents on the wire."""

import uuid
from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from embeddings.chunking import Span
from embeddings.models import Document
from embeddings.serializers.base import RequestSerializer
from embeddings.serializers.fields import (
    FILTER_HELP,
    FilterField,
    FlagField,
    MetadataField,
    QueryFilterField,
)
from embeddings.serializers.paging import CursorField, PageQuery
from embeddings.services.documents import DeleteResult


class DocumentQuery(PageQuery):
    """Which documents a list shows."""

    cursor = CursorField(parse=uuid.UUID, required=False)
    filter = QueryFilterField(required=False, help_text='JSON, such as {"lang": "en"}.')


class DocumentChange(RequestSerializer):
    """What may be changed about a document: its text is changed by adding it again."""

    metadata = MetadataField(help_text="Merged into what is stored; null removes a key.")


class DeleteRequest(RequestSerializer):
    """Which documents to delete."""

    filter = FilterField(help_text=FILTER_HELP)
    dry_run = FlagField(default=False, help_text="Only say how many and which that would be.")


class DocumentResponse(serializers.Serializer[Any]):
    """A stored document."""

    id = serializers.CharField()
    text = serializers.CharField()
    metadata = MetadataField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class SpanResponse(serializers.Serializer[Any]):
    """A part of a text, in code points: Python's `text[start:end]`."""

    start = serializers.IntegerField()
    end = serializers.IntegerField()


class DocumentDetail(DocumentResponse):
    """A stored document with the parts that have a vector each."""

    chunks = SpanResponse(many=True)


class DocumentsResponse(serializers.Serializer[Any]):
    """A page of documents, in an order that no write disturbs."""

    documents = DocumentResponse(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="null on the last page.")


class DeleteResponse(serializers.Serializer[Any]):
    """What was, or in a dry run would be, deleted."""

    deleted = serializers.IntegerField()
    dry_run = serializers.BooleanField()
    sample = serializers.ListField(
        child=serializers.CharField(), help_text="A few ids, in a dry run only."
    )


def document_json(document: Document) -> dict[str, Any]:
    """DocumentResponse."""
    return {
        "id": document.external_id,
        "text": document.text,
        "metadata": document.metadata,
        "created_at": document.created_at,
        "updated_at": document.updated_at,
    }


def detail_json(document: Document, spans: Iterable[Span]) -> dict[str, Any]:
    """DocumentDetail."""
    chunks = [{"start": start, "end": end} for start, end in spans]
    return {**document_json(document), "chunks": chunks}


def delete_json(result: DeleteResult) -> dict[str, Any]:
    """DeleteResponse."""
    return {"deleted": result.deleted, "dry_run": result.dry_run, "sample": result.sample}
