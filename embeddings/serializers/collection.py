"""Collections on the wire."""

import re
from typing import Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from embeddings.constants import (
    COLLECTION_NAME_PATTERN,
    DEFAULT_LANGUAGE,
    HNSW_EF_CONSTRUCTION_RANGE,
    HNSW_M_RANGE,
    ChunkingMethod,
    IndexState,
    IndexStorage,
    Metric,
)
from embeddings.models import Collection
from embeddings.serializers.base import ChangeSerializer, RequestSerializer
from embeddings.serializers.fields import (
    CollectionNameField,
    MetadataSchemaField,
    StringField,
    WholeNumberField,
)
from embeddings.serializers.paging import CursorField, PageQuery
from embeddings.serializers.redaction import RedactionRequest, RedactionResponse
from embeddings.serializers.users import NameField
from embeddings.types.chunking import CODE_LANGUAGES, Chunking, ChunkingWish
from embeddings.types.index import IndexChange, IndexSettings
from embeddings.types.metadata_schema import read_schema

MAX_DESCRIPTION_CHARS = 1_000
CHOSEN_ONCE = ("chunking", "language", "metric", "model")


def _name(text: str) -> str:
    if not re.fullmatch(COLLECTION_NAME_PATTERN, text):
        raise ValueError
    return text


class CollectionQuery(PageQuery):
    """Which collections a list shows."""

    cursor = CursorField(parse=_name, required=False)
    name = CollectionNameField(required=False, help_text="Only the collection of this name.")
    prefix = CollectionNameField(required=False, help_text="Only names that begin so.")


class IndexRequest(RequestSerializer):
    """How the HNSW index is made; what is left out stays as it is."""

    m = WholeNumberField(
        min_value=HNSW_M_RANGE[0],
        max_value=HNSW_M_RANGE[1],
        required=False,
        help_text="Links of a node; more find more, and cost memory and time.",
    )
    ef_construction = WholeNumberField(
        min_value=HNSW_EF_CONSTRUCTION_RANGE[0],
        max_value=HNSW_EF_CONSTRUCTION_RANGE[1],
        required=False,
        help_text="Candidates while it is built; at least twice `m`.",
    )
    storage = serializers.ChoiceField(
        choices=[storage.value for storage in IndexStorage],
        required=False,
        help_text="What it holds of a vector: `halfvec` up to 4,000 dimensions, `vector` up to"
        " 2,000, `bit` (signs, for many dimensions) up to 64,000.",
    )

    def to_internal_value(self, data: Any) -> IndexChange:
        """Raises ValidationError."""
        values = super().to_internal_value(data)
        if "storage" in values:
            values["storage"] = IndexStorage(values["storage"])
        return IndexChange(**values)


class ChunkingRequest(RequestSerializer):
    """How texts are cut that are longer than a chunk may be; chosen once for all."""

    method = serializers.ChoiceField(
        choices=[method.value for method in ChunkingMethod],
        required=False,
        help_text="`sentences` without. With `none` the model reads the beginning of a long text"
        " alone.",
    )
    size = WholeNumberField(
        required=False,
        help_text="Most tokens of a chunk; as many as the model reads without.",
    )
    overlap = WholeNumberField(
        required=False,
        help_text="Tokens that a chunk may repeat of the one before it, fewer than half of the"
        " size; an eighth of it with `tokens`, else none, without.",
    )
    language = StringField(
        max_length=63, required=False, help_text=f"Of `code`: {', '.join(CODE_LANGUAGES)}."
    )

    def to_internal_value(self, data: Any) -> ChunkingWish:
        """Raises ValidationError."""
        values = super().to_internal_value(data)
        if "method" in values:
            values["method"] = ChunkingMethod(values["method"])
        return ChunkingWish(**values)


class ReindexRequest(RequestSerializer):
    """An index to build anew."""

    index = IndexRequest(required=False)


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
    language = StringField(
        max_length=63,
        default=DEFAULT_LANGUAGE,
        help_text="Of its texts, for searches by words: a text search configuration of PostgreSQL,"
        " such as `german` or `simple`.",
    )
    chunking = ChunkingRequest(required=False)
    index = IndexRequest(required=False)
    metadata_schema = MetadataSchemaField(
        required=False,
        help_text="Fields that every document's metadata must conform to; `index` serves ranges.",
    )
    redaction = RedactionRequest(required=False, allow_null=True)


class CollectionChange(ChangeSerializer):
    """What may be changed about a collection; at least one field."""

    name = CollectionNameField(required=False)
    description = StringField(max_length=MAX_DESCRIPTION_CHARS, allow_blank=True, required=False)
    index = IndexRequest(required=False)
    metadata_schema = MetadataSchemaField(
        required=False, help_text="Fields to declare or change; null removes one."
    )
    redaction = RedactionRequest(
        required=False,
        allow_null=True,
        help_text="For what is written from now on; null ends it. What is stored stays as it is.",
    )

    def to_internal_value(self, data: Any) -> Any:
        """The valid fields. Raises ValidationError."""
        chosen = [name for name in CHOSEN_ONCE if isinstance(data, dict) and name in data]
        if chosen:
            detail = "It is chosen when the collection is made. Make another, and add the texts."
            error = [ErrorDetail(detail, code="chosen_once")]
            raise ValidationError(dict.fromkeys(chosen, error))
        return super().to_internal_value(data)


class TransferRequest(RequestSerializer):
    """To whom a collection goes."""

    owner = NameField(help_text="The name of an active user.")


class IndexResponse(serializers.Serializer[Any]):
    """The index of the collection's active generation."""

    state = serializers.ChoiceField(choices=[state.value for state in IndexState])
    m = serializers.IntegerField()
    ef_construction = serializers.IntegerField()
    storage = serializers.ChoiceField(choices=[storage.value for storage in IndexStorage])


class ChunkingResponse(serializers.Serializer[Any]):
    """How texts are cut; `none` has nothing but its name."""

    method = serializers.ChoiceField(choices=[method.value for method in ChunkingMethod])
    size = serializers.IntegerField(required=False, help_text="Most tokens of a chunk.")
    overlap = serializers.IntegerField(required=False)
    language = serializers.ChoiceField(
        choices=CODE_LANGUAGES, required=False, help_text="Of `code` alone."
    )


class CollectionResponse(serializers.Serializer[Any]):
    """A collection."""

    name = serializers.CharField()
    description = serializers.CharField()
    model = serializers.CharField()
    dimensions = serializers.IntegerField()
    metric = serializers.ChoiceField(choices=[metric.value for metric in Metric])
    count = serializers.IntegerField(help_text="Documents in it that you see.")
    version = serializers.IntegerField(
        allow_null=True,
        help_text="Grows with every write to the documents; null for who sees a part of them.",
    )
    owner = serializers.CharField(help_text="The owner's user name.")
    language = serializers.CharField(help_text="Of its texts, for searches by words.")
    chunking = ChunkingResponse()
    index = IndexResponse()
    metadata_schema = MetadataSchemaField(help_text="The declared fields of the metadata.")
    metadata_indexes = serializers.DictField(
        child=serializers.ChoiceField(choices=[state.value for state in IndexState]),
        help_text="States of the declared fields' indexes; `none` where a job failed to build it.",
    )
    redaction = RedactionResponse(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField(
        allow_null=True, help_text="As `version`, and with the settings."
    )


class CollectionsResponse(serializers.Serializer[Any]):
    """A page of collections, by name."""

    collections = CollectionResponse(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="null on the last page.")


def model_of(data: dict[str, Any]) -> str:
    """The model that the request names, or else the default."""
    return data.get("model") or str(settings.EMBED.default_model)


def collection_json(collection: Collection, *, count: int) -> dict[str, Any]:
    """CollectionResponse, with how many of its documents the caller sees."""
    generation, sees_all = collection.generation, collection.row_filter is None
    fields = read_schema(collection.metadata_schema).values()
    return {
        "name": collection.name,
        "description": collection.description,
        "model": generation.model,
        "dimensions": generation.dimensions,
        "metric": generation.metric,
        "count": count,
        "version": collection.version if sees_all else None,
        "owner": collection.owner.get_username(),
        "language": collection.language,
        "chunking": Chunking.from_json(collection.chunking).as_json(),
        "index": {
            "state": generation.index_state,
            **IndexSettings.of(generation).as_columns(),
        },
        "metadata_schema": {
            field.name: {"type": field.type, "index": field.index, "required": field.required}
            for field in fields
        },
        "metadata_indexes": {field.name: field.state for field in fields if field.index},
        "redaction": collection.redaction or None,
        "created_at": collection.created_at,
        "updated_at": collection.updated_at if sees_all else None,
    }
