"""The page of a document in the console."""

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from accounts.exceptions import Problem
from embeddings.admin.document_forms import MetadataForm
from embeddings.admin.document_text import SHOWN_CHARS, pieces
from embeddings.models import Collection, Document
from embeddings.services.documents import count_chunk_tokens, document_spans, update_metadata
from embeddings.types.search import Hit


def list_url(collection: Collection, **query: str) -> str:
    """Of the collection's documents."""
    values = urlencode({"collection": str(collection.pk), **query})
    return f"{reverse('admin:embeddings_document_changelist')}?{values}"


def document_url(document: Document, verb: str = "change") -> str:
    """With its collection, so that no other one's table is looked into."""
    page = reverse(f"admin:embeddings_document_{verb}", args=[document.pk])
    return f"{page}?{urlencode({'collection': str(document.collection_id)})}"


def hit_url(collection: Collection, hit: Hit) -> str:
    """As above."""
    page = reverse("admin:embeddings_document_change", args=[hit.document_id])
    return f"{page}?{urlencode({'collection': str(collection.pk)})}"


def metadata_form(request: HttpRequest, document: Document) -> MetadataForm:
    """As it is stored, or as it was sent."""
    sent = request.POST if request.method == "POST" else None
    shown = indented(document.metadata)
    return MetadataForm(sent, initial={"metadata": shown, "was": shown})


def save_metadata(
    request: HttpRequest, form: MetadataForm, collection: Collection, document: Document
) -> bool:
    """Whether the service took the changes; else the form tells what is at fault."""
    was = form.cleaned_data["was"]
    before = was if isinstance(was, dict) else document.metadata
    changes = _changes(before, form.cleaned_data["metadata"])
    try:
        if changes:
            update_metadata(
                collection=collection, external_id=document.external_id, changes=changes
            )
    except Problem as problem:
        form.add_error("metadata", problem.detail)
        return False
    messages.success(request, "Saved." if changes else "Nothing was changed.")
    return True


def _changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What the service is to merge; what somebody else changes meanwhile stays as they made it.
    By their spelling: in Python `1` equals `True`, and in JSON it does not.
    """
    gone = {name: None for name in before if name not in after}
    changed = {
        name: value
        for name, value in after.items()
        if name not in before or _spelled(before[name]) != _spelled(value)
    }
    return {**gone, **changed}


def _spelled(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def indented(metadata: dict[str, Any]) -> str:
    """As people read JSON."""
    return json.dumps(metadata, indent=2, ensure_ascii=False)


def shown_document(collection: Collection, document: Document) -> dict[str, Any]:
    """What the page says of the document."""
    spans = document_spans(collection=collection, document=document)
    tokens = count_chunk_tokens(collection=collection, document=document, spans=spans)
    return {
        "document": document,
        "collection": collection,
        "pieces": pieces(document.text, spans),
        "chunks": [
            {
                "start": start,
                "end": end,
                "characters": end - start,
                "tokens": tokens[ordinal] if tokens else None,
            }
            for ordinal, (start, end) in enumerate(spans)
        ],
        "not_shown": max(0, len(document.text) - SHOWN_CHARS),
        "metadata": indented(document.metadata),
        "list_url": list_url(collection),
        "delete_url": document_url(document, "delete"),
        "history_url": document_url(document, "history"),
    }
