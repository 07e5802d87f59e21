"""A search on the wire."""

from typing import Any

from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from embeddings.constants import DEFAULT_TOP_K, MAX_EXTERNAL_ID_CHARS, SearchPath
from embeddings.serializers.base import RequestSerializer
from embeddings.serializers.embed import UsageResponse, usage_json
from embeddings.serializers.fields import (
    CollectionNameField,
    FilterField,
    FlagField,
    MetadataField,
    NumberField,
    StringField,
    TextField,
    VectorField,
    WholeNumberField,
)
from embeddings.types.search import (
    DEFAULT_INCLUDE,
    INCLUDABLE,
    Hit,
    Include,
    Plan,
    SearchParams,
    SearchResult,
)

QUERIES = ("query", "vector", "document_id")


class SearchRequest(RequestSerializer):
    """What to look for, by exactly one of `query`, `vector` and `document_id`."""

    collection = CollectionNameField()
    query = TextField(required=False, help_text="A text.")
    vector = VectorField(required=False, help_text="A vector of the collection's dimensions.")
    document_id = StringField(
        max_length=MAX_EXTERNAL_ID_CHARS,
        required=False,
        help_text="A stored document, which is among its own hits.",
    )
    top_k = WholeNumberField(default=DEFAULT_TOP_K, min_value=1, max_value=settings.EMBED.max_top_k)
    filter = FilterField(required=False, help_text="$eq $in $gt $gte $lt $lte, $and, $or.")
    mode = serializers.ChoiceField(choices=["semantic"], default="semantic")
    include = serializers.ListField(
        child=serializers.ChoiceField(choices=INCLUDABLE),
        required=False,
        max_length=len(INCLUDABLE),
        help_text="text and metadata without.",
    )
    min_score = NumberField(required=False, help_text="Leaves out hits with a lower score.")
    exact = FlagField(default=False, help_text="Compare with every document, index or not.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raises ValidationError unless there is exactly one query."""
        given = [name for name in QUERIES if name in attrs]
        if len(given) != 1:
            message = f"Send exactly one of {', '.join(QUERIES)}."
            raise ValidationError(dict.fromkeys(given or QUERIES[:1], message), code="one_query")
        return attrs


class ChunkResponse(serializers.Serializer[Any]):
    """The span of the document that is nearest."""

    ordinal = serializers.IntegerField()
    start = serializers.IntegerField(help_text="In characters of the document's text.")
    end = serializers.IntegerField()
    text = serializers.CharField()


class HitResponse(serializers.Serializer[Any]):
    """One document."""

    id = serializers.CharField()
    score = serializers.FloatField(help_text="Higher is better, whatever the metric.")
    distance = serializers.FloatField(help_text="As pgvector has it: lower is nearer.")
    text = serializers.CharField(required=False)
    metadata = MetadataField(required=False)
    vector = serializers.ListField(child=serializers.FloatField(), required=False)
    chunk = ChunkResponse(required=False)


class PlanResponse(serializers.Serializer[Any]):
    """How the hits were found."""

    path = serializers.ChoiceField(choices=[path.value for path in SearchPath])
    exact = serializers.BooleanField(help_text="Whether no nearer document can have been missed.")
    ef_search = serializers.IntegerField(allow_null=True)
    candidates = serializers.IntegerField(
        allow_null=True, help_text="How many the index gave, where it was asked."
    )
    matches = serializers.IntegerField(
        allow_null=True, help_text="How many documents the filter lets through, where counted."
    )
    matches_at_least = serializers.BooleanField(
        help_text="Whether counting stopped at `matches`, and there are more."
    )


class SearchResponse(serializers.Serializer[Any]):
    """Hits, nearest first."""

    hits = HitResponse(many=True)
    plan = PlanResponse()
    usage = UsageResponse()
    took_ms = serializers.FloatField()


def search_params(data: dict[str, Any]) -> SearchParams:
    """The service's view of a valid SearchRequest."""
    return SearchParams(
        query=data.get("query"),
        vector=data.get("vector"),
        document_id=data.get("document_id"),
        top_k=data["top_k"],
        metadata_filter=data.get("filter"),
        include=frozenset(data["include"]) if "include" in data else DEFAULT_INCLUDE,
        min_score=data.get("min_score"),
        exact=data["exact"],
    )


def search_json(result: SearchResult, *, include: Include) -> dict[str, Any]:
    """SearchResponse; vectors stay numpy arrays for the renderer."""
    return {
        "hits": [_hit_json(hit, include=include) for hit in result.hits],
        "plan": _plan_json(result.plan),
        "usage": usage_json(tokens=result.tokens, cached_tokens=result.cached_tokens),
        "took_ms": round(result.took_ms, 3),
    }


def _hit_json(hit: Hit, *, include: Include) -> dict[str, Any]:
    values: dict[str, Any] = {"id": hit.external_id, "score": hit.score, "distance": hit.distance}
    if "text" in include:
        values["text"] = hit.text
    if "metadata" in include:
        values["metadata"] = hit.metadata
    if "vector" in include:
        values["vector"] = hit.vector
    if "chunk" in include:
        values["chunk"] = {
            "ordinal": hit.ordinal,
            "start": hit.start,
            "end": hit.end,
            "text": (hit.text or "")[hit.start : hit.end],
        }
    return values


def _plan_json(plan: Plan) -> dict[str, Any]:
    return {
        "path": plan.path.value,
        "exact": plan.exact,
        "ef_search": plan.ef_search,
        "candidates": plan.candidates,
        "matches": plan.matches,
        "matches_at_least": plan.matches_at_least,
    }
