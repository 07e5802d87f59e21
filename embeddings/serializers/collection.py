"""Collections on the wire."""

import re
from typing import Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from embeddings.constants import COLLECTION_NAME_PATTERN, IndexState, Metric
from embeddings.models import Collection
from embeddings.serializers.base import RequestSerializer
from embeddings.serializers.fields import CollectionNameField, StringField
from embeddings.serializers.paging import CursorField, PageQuery

MAX_DESCRIPTION_CHARS = 1_000


def _name(text: str) -> str:
    if not re.fullmatch(COLLECTION_NAME_PATTERN, text):
        raise ValueError
    return text


class CollectionQuery(PageQuery):
    """Which collections a list shows."""

    cursor = CursorField(parse=_name, required=False)
    name = CollectionNameField(required=False, help_text="Only the collection of this name.")
    prefix = CollectionNameField(required=False, help_text="Only names that begin so.")


class CollectionRequest(RequestSerializer):
    """A collection to make."""

    name = CollectionNameField()
    model = StringField(
        max_length=200, required=False, help_text="One of `/v1/models`; the default without."
    )
    metric = serializers.ChoiceField(
        choices=[metric.value for metric in Metric], default=Metric.COSINE.value
    )
    description = StringField(max_length=MAX_DESCRIPTION_CHARS, allow_blank=True, default="")


class CollectionChange(RequestSerializer):
    """What may be changed about a collection; at least one field."""

    name = CollectionNameField(required=False)
    description = StringField(max_length=MAX_DESCRIPTION_CHARS, allow_blank=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raises ValidationError when nothing is to be changed."""
        if not attrs:
            raise ValidationError("Send a name, a description or both.", code="empty")
        return attrs


class IndexResponse(serializers.Serializer[Any]):
    """The index of the collection's active generation."""

    state = serializers.ChoiceField(choices=[state.value for state in IndexState])
    m = serializers.IntegerField()
    ef_construction = serializers.IntegerField()


class CollectionResponse(serializers.Serializer[Any]):
    """A collection."""

    name = serializers.CharField()
    description = serializers.CharField()
    model = serializers.CharField()
    dimensions = serializers.IntegerField()
    metric = serializers.ChoiceField(choices=[metric.value for metric in Metric])
    count = serializers.IntegerField(help_text="Documents in it.")
    version = serializers.IntegerField(help_text="Grows with every write to the documents.")
    owner = serializers.CharField(help_text="The owner's user name.")
    index = IndexResponse()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class CollectionsResponse(serializers.Serializer[Any]):
    """A page of collections, by name."""

    collections = CollectionResponse(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="null on the last page.")


def model_of(data: dict[str, Any]) -> str:
    """The model that the request names, or else the default."""
    return data.get("model") or str(settings.EMBED.default_model)


def collection_json(collection: Collection) -> dict[str, Any]:
    """CollectionResponse."""
    generation = collection.generation
    return {
        "name": collection.name,
        "description": collection.description,
        "model": generation.model,
        "dimensions": generation.dimensions,
        "metric": generation.metric,
        "count": collection.document_count,
        "version": collection.version,
        "owner": collection.owner.get_username(),
        "index": {
            "state": generation.index_state,
            "m": generation.m,
            "ef_construction": generation.ef_construction,
        },
        "created_at": collection.created_at,
        "updated_at": collection.updated_at,
    }
