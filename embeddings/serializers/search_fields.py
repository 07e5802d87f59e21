"""Parts of a search's request that are objects of their own."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from embeddings.serializers.base import RequestSerializer, at_place, validated
from embeddings.serializers.fields import NumberField, StringField, WholeNumberField
from embeddings.serializers.limits import LimitedNumberField
from embeddings.types.filter import parse_path
from embeddings.types.search import Facet, FieldGroups, Path, Rerank, Weights

DEFAULT_GROUP_SIZE = 3
MAX_GROUP_SIZE = 100
MAX_FACETS = 10
DEFAULT_FACET_LIMIT = 10
MAX_FACET_LIMIT = 1_000

STRING = {"type": "string"}
FIELD = {"type": "string", "description": "A metadata field, or a path such as `author.name`."}


class MetadataPathField(StringField):
    """The keys that lead to a value in the metadata, as a filter spells them."""

    default_error_messages = {
        "no_path": "Name a metadata field, or a path such as author.name, as in a filter."
    }

    def to_internal_value(self, data: Any) -> Path:  # type: ignore[override] # of strings
        """The path. Raises ValidationError."""
        path = parse_path(super().to_internal_value(data))
        if path is None:
            self.fail("no_path")
        return path


class FieldGroupsOptions(RequestSerializer):
    """Groups of hits by a metadata field."""

    field = MetadataPathField()
    size = WholeNumberField(default=DEFAULT_GROUP_SIZE, min_value=1, max_value=MAX_GROUP_SIZE)


class RerankOptions(RequestSerializer):
    """Which reranker judges how many hits."""

    model = StringField(max_length=200, required=False)
    top_n = LimitedNumberField(option="max_batch", required=False)


class FacetOptions(RequestSerializer):
    """A metadata field of which values are counted."""

    field = MetadataPathField()
    limit = WholeNumberField(default=DEFAULT_FACET_LIMIT, min_value=1, max_value=MAX_FACET_LIMIT)


class WeightsOptions(RequestSerializer):
    """How much each ranking counts."""

    semantic = NumberField(min_value=0, default=1.0)
    keyword = NumberField(min_value=0, default=1.0)


class PartField(serializers.Field[Any, Any, Any, Any]):
    """A field that several kinds of JSON spell."""

    def to_representation(self, value: Any) -> Any:
        """Requests only come in."""
        return value


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "enum": ["document", "chunk"]},
            {
                "type": "object",
                "properties": {
                    "field": FIELD,
                    "size": {"type": "integer", "minimum": 1, "maximum": MAX_GROUP_SIZE},
                },
                "required": ["field"],
            },
        ]
    }
)
class GroupByField(PartField):
    """What hits are grouped by."""

    default_error_messages = {
        "invalid": 'Send "document", "chunk" or an object with a metadata `field`.'
    }

    def to_internal_value(self, data: Any) -> str | FieldGroups:
        """The grouping. Raises ValidationError."""
        if isinstance(data, str) and data in ("document", "chunk"):
            return data
        if not isinstance(data, Mapping):
            self.fail("invalid")
        options = validated(FieldGroupsOptions, data)
        return FieldGroups(path=options["field"], size=options["size"])


@extend_schema_field(
    {
        "oneOf": [
            {"type": "boolean"},
            {
                "type": "object",
                "properties": {"model": STRING, "top_n": {"type": "integer", "minimum": 1}},
            },
        ]
    }
)
class RerankField(PartField):
    """Whether, and how, hits are reranked."""

    default_error_messages = {"invalid": "Send true, or an object with `model` or `top_n`."}

    def to_internal_value(self, data: Any) -> Rerank | None:
        """The reranking, None for false. Raises ValidationError."""
        if isinstance(data, bool):
            return Rerank() if data else None
        if not isinstance(data, Mapping):
            self.fail("invalid")
        return Rerank(**validated(RerankOptions, data))


@extend_schema_field(
    {
        "type": "array",
        "maxItems": MAX_FACETS,
        "items": {
            "oneOf": [
                FIELD,
                {
                    "type": "object",
                    "properties": {
                        "field": FIELD,
                        "limit": {"type": "integer", "minimum": 1, "maximum": MAX_FACET_LIMIT},
                    },
                    "required": ["field"],
                },
            ]
        },
    }
)
class FacetsField(PartField):
    """The metadata fields of which values are counted."""

    default_error_messages = {
        "invalid": "Send a list of 1 to {limit} metadata fields.",
        "twice": "The field is there twice.",
    }

    def to_internal_value(self, data: Any) -> tuple[Facet, ...]:
        """The facets. Raises ValidationError."""
        if not isinstance(data, list) or not 0 < len(data) <= MAX_FACETS:
            self.fail("invalid", limit=MAX_FACETS)
        facets: dict[str, Facet] = {}
        for index, item in enumerate(data):
            with at_place(str(index)):
                facet = _facet(item)
                if facet.name in facets:
                    self.fail("twice")
            facets[facet.name] = facet
        return tuple(facets.values())


def _facet(item: Any) -> Facet:
    if not isinstance(item, Mapping):
        path = MetadataPathField().run_validation(item)
        return Facet(path=path, limit=DEFAULT_FACET_LIMIT, name=item)
    options = validated(FacetOptions, item)
    return Facet(path=options["field"], limit=options["limit"], name=item["field"])


@extend_schema_field(
    {
        "type": "object",
        "properties": {
            "semantic": {"type": "number", "minimum": 0},
            "keyword": {"type": "number", "minimum": 0},
        },
    }
)
class WeightsField(PartField):
    """How much each ranking counts in a hybrid search."""

    default_error_messages = {
        "invalid": "Send an object with `semantic` and `keyword`, numbers of at least 0.",
        "zero": "One of the weights must be more than 0.",
    }

    def to_internal_value(self, data: Any) -> Weights:
        """The weights. Raises ValidationError."""
        if not isinstance(data, Mapping):
            self.fail("invalid")
        weights = Weights(**validated(WeightsOptions, data))
        if weights.semantic == weights.keyword == 0:
            self.fail("zero")
        return weights
