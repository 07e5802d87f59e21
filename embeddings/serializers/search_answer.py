"""A search's answer on the wire."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from embeddings.constants import SearchPath
from embeddings.serializers.embed import UsageResponse, usage_json
from embeddings.serializers.fields import MetadataField
from embeddings.types.search import FacetCounts, Group, Hit, Include, Plan, SearchResult

SCALAR = {"oneOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]}


@extend_schema_field(SCALAR)
class ScalarField(serializers.JSONField):
    """A string, a number, true or false."""


class ChunkResponse(serializers.Serializer[Any]):
    """The span of the document that is nearest."""

    ordinal = serializers.IntegerField()
    start = serializers.IntegerField(help_text="In characters of the document's text.")
    end = serializers.IntegerField()
    text = serializers.CharField()


class HitResponse(serializers.Serializer[Any]):
    """One document, or one chunk of it."""

    id = serializers.CharField()
    collection = serializers.CharField(
        required=False, help_text="Where several collections are searched."
    )
    score = serializers.FloatField(help_text="Higher is better, whatever the metric.")
    distance = serializers.FloatField(
        allow_null=True,
        help_text="As pgvector has it: lower is nearer. null where only words were compared.",
    )
    scores = serializers.DictField(
        child=serializers.FloatField(),
        required=False,
        help_text="What the score was made of, or was before, by `semantic`, `keyword`, `hybrid`"
        " and `rerank`.",
    )
    text = serializers.CharField(required=False)
    metadata = MetadataField(required=False)
    vector = serializers.ListField(child=serializers.FloatField(), required=False)
    chunk = ChunkResponse(required=False)
    highlights = serializers.ListField(child=serializers.CharField(), required=False)


class GroupResponse(serializers.Serializer[Any]):
    """Hits with the same value of a field."""

    value = ScalarField()
    hits = HitResponse(many=True)


class CollectionPlan(serializers.Serializer[Any]):
    """How the hits of a collection were found."""

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
    took_ms = serializers.FloatField(
        required=False, help_text="Of this, without the embedding of the query."
    )
    weights = serializers.DictField(
        child=serializers.FloatField(),
        required=False,
        help_text="How much `semantic` and `keyword` counted in a hybrid search.",
    )
    considered = serializers.IntegerField(
        required=False,
        help_text="How many of the best hits were reranked, chosen from or grouped.",
    )


class PlanResponse(CollectionPlan):
    """How the hits were found; of several collections, the least exact way and the sums."""

    collections = serializers.DictField(
        child=CollectionPlan(), required=False, help_text="Where several are searched, by name."
    )


class FacetValue(serializers.Serializer[Any]):
    """How many documents have the value."""

    value = ScalarField()
    count = serializers.IntegerField()


class FacetResponse(serializers.Serializer[Any]):
    """The most frequent values of a field. Each element of an array counts; objects don't."""

    values = FacetValue(many=True)
    null = serializers.IntegerField(help_text="Documents whose field is null.")
    absent = serializers.IntegerField(help_text="Documents without the field.")
    more = serializers.BooleanField(help_text="Whether there are other values.")


class ResultResponse(serializers.Serializer[Any]):
    """What one query found: hits, best first, or groups where they are asked for."""

    hits = HitResponse(many=True, required=False)
    groups = GroupResponse(many=True, required=False)
    facets = serializers.DictField(
        child=FacetResponse(), required=False, help_text="By the field, as it was spelled."
    )
    plan = PlanResponse()
    next_cursor = serializers.CharField(
        allow_null=True,
        help_text="Of the next page, which may be empty. null when there is none, and always with"
        " `rerank`, `diversity` or groups.",
    )
    usage = UsageResponse()
    took_ms = serializers.FloatField()


class SearchResponse(ResultResponse):
    """One query's result; or with `queries` only `results`, the sum of their usage and the time."""

    plan = PlanResponse(required=False)
    next_cursor = serializers.CharField(
        required=False,
        allow_null=True,
        help_text="Of the next page, which may be empty. null when there is none, and always with"
        " `rerank`, `diversity` or groups.",
    )
    results = ResultResponse(many=True, required=False, help_text="In the order of `queries`.")


def search_json(result: SearchResult, *, include: Include) -> dict[str, Any]:
    """ResultResponse; vectors stay numpy arrays for the renderer."""
    values: dict[str, Any] = {}
    if result.groups is None:
        values["hits"] = [_hit_json(hit, include=include) for hit in result.hits]
    else:
        values["groups"] = [_group_json(group, include=include) for group in result.groups]
    if result.facets is not None:
        values["facets"] = {name: _facet_json(facet) for name, facet in result.facets.items()}
    values["plan"] = _plan_json(result.plan)
    if result.plans is not None:
        plans = {name: _plan_json(plan) for name, plan in result.plans.items()}
        values["plan"]["collections"] = plans
    values["next_cursor"] = result.next_cursor
    values["usage"] = usage_json(tokens=result.tokens, cached_tokens=result.cached_tokens)
    values["took_ms"] = round(result.took_ms, 3)
    return values


def searches_json(
    results: Sequence[SearchResult], *, includes: Sequence[Include], took_ms: float
) -> dict[str, Any]:
    """SearchResponse of several queries."""
    return {
        "results": [
            search_json(result, include=include)
            for result, include in zip(results, includes, strict=True)
        ],
        "usage": usage_json(
            tokens=sum(result.tokens for result in results),
            cached_tokens=sum(result.cached_tokens for result in results),
        ),
        "took_ms": round(took_ms, 3),
    }


def _hit_json(hit: Hit, *, include: Include) -> dict[str, Any]:
    values: dict[str, Any] = {"id": hit.external_id, "score": hit.score, "distance": hit.distance}
    if hit.collection is not None:
        values["collection"] = hit.collection
    if hit.scores is not None:
        values["scores"] = hit.scores
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
    if "highlights" in include:
        values["highlights"] = hit.highlights or []
    return values


def _group_json(group: Group, *, include: Include) -> dict[str, Any]:
    return {
        "value": group.value,
        "hits": [_hit_json(hit, include=include) for hit in group.hits],
    }


def _facet_json(facet: FacetCounts) -> dict[str, Any]:
    return {
        "values": [{"value": value, "count": count} for value, count in facet.values],
        "null": facet.null,
        "absent": facet.absent,
        "more": facet.more,
    }


def _plan_json(plan: Plan) -> dict[str, Any]:
    values: dict[str, Any] = {
        "path": plan.path.value,
        "exact": plan.exact,
        "ef_search": plan.ef_search,
        "candidates": plan.candidates,
        "matches": plan.matches,
        "matches_at_least": plan.matches_at_least,
    }
    if plan.took_ms is not None:
        values["took_ms"] = plan.took_ms
    if plan.weights is not None:
        values["weights"] = plan.weights
    if plan.considered is not None:
        values["considered"] = plan.considered
    return values
