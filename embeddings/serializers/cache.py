"""The cache on the wire: what it has done, clearing and warming it."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, get_args

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from embeddings.models import Job
from embeddings.serializers.base import RequestSerializer
from embeddings.serializers.fields import (
    CollectionNameField,
    StringField,
    TextsField,
    WholeNumberField,
)
from embeddings.serializers.limits import LimitedNumberField
from embeddings.types.cache import CacheStats, ClearResult, LevelStats, Tally, WarmResult
from embeddings.types.embed import InputType

DEFAULT_QUERIES = 100
TEN_YEARS_S = 10 * 366 * 86_400


class TallyResponse(serializers.Serializer[Any]):
    """Lookups and what became of them."""

    hits = serializers.IntegerField()
    misses = serializers.IntegerField()
    corrupt = serializers.IntegerField(
        help_text="Values that failed their checksum; they count as misses too."
    )
    hit_rate = serializers.FloatField(allow_null=True, help_text="null before the first lookup.")
    saved_tokens = serializers.IntegerField(help_text="Tokens that no model had to read.")


class LevelResponse(TallyResponse):
    """One level; `bytes`, `max_bytes` and `evictions` of Redis are those of the whole server."""

    level = serializers.ChoiceField(choices=["memory", "redis"])
    available = serializers.BooleanField(help_text="false for a Redis that does not answer.")
    entries = serializers.IntegerField(allow_null=True)
    bytes = serializers.IntegerField(allow_null=True)
    max_bytes = serializers.IntegerField(
        allow_null=True, help_text="Of each process's memory; null without a limit."
    )
    evictions = serializers.IntegerField(allow_null=True)


class ModelTallyResponse(serializers.Serializer[Any]):
    """A model; a hit may be on any level, or another request's that computed the same."""

    model = serializers.CharField()
    texts = TallyResponse()
    searches = TallyResponse()


class CacheStatsResponse(serializers.Serializer[Any]):
    """Of all processes on this machine, since the service was started."""

    levels = LevelResponse(many=True)
    models = ModelTallyResponse(many=True)


class ClearRequest(RequestSerializer):
    """What to forget: all, or what belongs to a model or a collection."""

    model = StringField(
        max_length=200, required=False, help_text="Its vectors, and searches that used them."
    )
    collection = CollectionNameField(required=False, help_text="The searches of it.")
    older_than_s = WholeNumberField(
        default=0, min_value=0, max_value=TEN_YEARS_S, help_text="Keep what is younger."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raises ValidationError for a model and a collection at once."""
        if "model" in attrs and "collection" in attrs:
            raise ValidationError({"collection": "Send a model or a collection."}, code="one_scope")
        return attrs


class ClearResponse(serializers.Serializer[Any]):
    """What was forgotten."""

    before = serializers.DateTimeField(help_text="What was written earlier does not count.")
    memory = serializers.IntegerField(
        help_text="Values dropped by the answering process; the others follow within a second."
    )
    redis = serializers.IntegerField(
        allow_null=True,
        help_text="Values dropped in Redis; null where there is none or it does not answer.",
    )


class WarmRequest(RequestSerializer):
    """What to embed: either texts, or a collection's most frequent queries."""

    texts = TextsField(required=False)
    model = StringField(max_length=200, required=False, help_text="The default without.")
    input_type = serializers.ChoiceField(choices=get_args(InputType), required=False)
    owner = StringField(
        max_length=150,
        required=False,
        help_text="User whose requests are to find the texts; yourself without.",
    )
    collection = CollectionNameField(required=False)
    limit = LimitedNumberField(
        option="max_batch",
        required=False,
        help_text=f"How many queries; {DEFAULT_QUERIES} without.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raises ValidationError unless all belongs to texts, or all to a collection."""
        given = attrs.keys()
        if ("texts" in given) == ("collection" in given):
            raise ValidationError({"texts": "Send texts or a collection."}, code="one_source")
        foreign = {"limit"} if "texts" in given else {"model", "input_type", "owner"}
        if wrong := sorted(foreign & given):
            message = "This does not go with " + ("texts." if "texts" in given else "a collection.")
            raise ValidationError(dict.fromkeys(wrong, message), code="one_source")
        return attrs


class WarmResponse(serializers.Serializer[Any]):
    """What was embedded, or will be."""

    texts = serializers.IntegerField()
    cached = serializers.IntegerField(
        allow_null=True, help_text="How many of them were cached already; null of a job."
    )
    tokens = serializers.IntegerField(allow_null=True, help_text="Of all texts; null of a job.")
    job = serializers.UUIDField(allow_null=True, help_text="The job that embeds many texts.")


def stats_json(stats: CacheStats) -> dict[str, Any]:
    """CacheStatsResponse."""
    return {
        "levels": [_level_json(level) for level in stats.levels],
        "models": [
            {
                "model": each.model,
                "texts": _tally_json(each.texts),
                "searches": _tally_json(each.searches),
            }
            for each in stats.models
        ],
    }


def clear_json(result: ClearResult) -> dict[str, Any]:
    """ClearResponse."""
    before = datetime.fromtimestamp(result.before_ms / 1000, UTC)
    return {"before": before, "memory": result.memory, "redis": result.redis}


def warm_json(result: WarmResult | Job) -> dict[str, Any]:
    """WarmResponse."""
    if isinstance(result, Job):
        return {"texts": result.total, "cached": None, "tokens": None, "job": result.pk}
    return {**asdict(result), "job": None}


def _level_json(level: LevelStats) -> dict[str, Any]:
    values = asdict(level)
    del values["tally"]
    return {**values, **_tally_json(level.tally)}


def _tally_json(tally: Tally) -> dict[str, Any]:
    return {**asdict(tally), "hit_rate": tally.hit_rate}
