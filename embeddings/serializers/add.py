"""Documents on their way in."""

import uuid
from typing import Any

from rest_framework import serializers

from embeddings.constants import MAX_EXTERNAL_ID_CHARS, OnConflict
from embeddings.serializers.base import RequestSerializer
from embeddings.serializers.embed import TRUNCATE_HELP, UsageResponse, usage_json
from embeddings.serializers.fields import (
    CollectionNameField,
    FlagField,
    MetadataField,
    StringField,
    TextField,
    VectorField,
)
from embeddings.serializers.limits import LimitedListSerializer
from embeddings.types.document import AddResult, DocumentInput


class AddDocument(RequestSerializer):
    """One document."""

    id = StringField(
        max_length=MAX_EXTERNAL_ID_CHARS, required=False, help_text="Made for you without."
    )
    text = TextField()
    metadata = MetadataField(required=False)
    embedding = VectorField(required=False, help_text="Your own vector spares the model.")


class AddRequest(RequestSerializer):
    """Documents for one collection: all are stored, or none."""

    collection = CollectionNameField()
    documents = LimitedListSerializer(option="max_batch", child=AddDocument(), allow_empty=False)
    on_conflict = serializers.ChoiceField(
        choices=[mode.value for mode in OnConflict], default=OnConflict.UPSERT.value
    )
    truncate = FlagField(default=True, help_text=TRUNCATE_HELP)


class AddResponse(serializers.Serializer[Any]):
    """What became of the documents."""

    ids = serializers.ListField(
        child=serializers.CharField(), help_text="In the order of the request."
    )
    added = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField(help_text="Stored already just so; not embedded again.")
    truncated = serializers.ListField(
        child=serializers.CharField(),
        help_text="Ids of texts of which only the start was embedded.",
    )
    usage = UsageResponse()


def document_inputs(data: dict[str, Any]) -> list[DocumentInput]:
    """The documents of a valid AddRequest, those without an id with a new one."""
    return [
        DocumentInput(
            external_id=document.get("id") or str(uuid.uuid4()),
            text=document["text"],
            metadata=document.get("metadata", {}),
            embedding=document.get("embedding"),
        )
        for document in data["documents"]
    ]


def add_json(result: AddResult) -> dict[str, Any]:
    """AddResponse."""
    return {
        "ids": result.ids,
        "added": result.added,
        "updated": result.updated,
        "unchanged": result.unchanged,
        "truncated": result.truncated,
        "usage": usage_json(tokens=result.tokens, cached_tokens=result.cached_tokens),
    }
