"""What the cache has done; clearing and warming it."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.permissions import operator_of
from accounts.policy import Action
from accounts.principal import Principal
from embeddings.models import Collection, Job
from embeddings.serializers.base import validated
from embeddings.serializers.cache import (
    DEFAULT_QUERIES,
    CacheStatsResponse,
    ClearRequest,
    ClearResponse,
    WarmRequest,
    WarmResponse,
    clear_json,
    stats_json,
    warm_json,
)
from embeddings.services.cache import cache_stats, clear_cache, clearable_model
from embeddings.services.cache_warming import of_queries, of_texts, owner_named, start_warming
from embeddings.services.collection import visible_collection
from embeddings.views.operations import operation

TALLY = {"hits": 9120, "misses": 880, "corrupt": 0, "hit_rate": 0.912, "saved_tokens": 81_400}
EXAMPLE = {
    "levels": [
        TALLY
        | {
            "level": "memory",
            "available": True,
            "entries": 880,
            "bytes": 1_731_840,
            "max_bytes": 67_108_864,
            "evictions": 0,
        }
    ],
    "models": [{"model": "all-MiniLM-L6-v2", "texts": TALLY, "searches": TALLY}],
}


class CacheViewSet(ViewSet):
    """For operators."""

    actions = {"stats": Action.OPERATE, "clear": Action.OPERATE, "warm": Action.OPERATE}

    @operation(
        "cache_stats",
        summary="What the cache has done",
        answer=CacheStatsResponse,
        example=EXAMPLE,
        errors=(401, 403),
    )
    def stats(self, request: Request) -> Response:
        """By level and by model, over all processes of this machine."""
        operator_of(request)
        return Response(stats_json(cache_stats()))

    @operation(
        "cache_clear",
        summary="Clear the cache",
        request=ClearRequest,
        request_examples={
            "All": {},
            "A model": {"model": "all-MiniLM-L6-v2"},
            "A collection's searches": {"collection": "articles"},
            "What is older than a day": {"older_than_s": 86_400},
        },
        answer=ClearResponse,
        example={"before": "2026-11-22T09:00:00Z", "memory": 880, "redis": 5120},
        errors=(401, 403, 404),
    )
    def clear(self, request: Request) -> Response:
        """At once here, within a second in every process; other keys of the Redis stay.

        A model is one that is served or that made the vectors of a collection.
        """
        principal = operator_of(request)
        data = validated(ClearRequest, request.data)
        result = clear_cache(
            model=clearable_model(data["model"]) if "model" in data else None,
            collection=_collection(principal, data),
            older_than_s=data["older_than_s"],
        )
        return Response(clear_json(result))

    @operation(
        "cache_warm",
        summary="Embed texts before they are asked for",
        request=WarmRequest,
        request_examples={
            "Texts for a user": {"texts": ["green tea"], "input_type": "query", "owner": "alice"},
            "What a collection is asked most": {"collection": "articles", "limit": 500},
        },
        answer=WarmResponse,
        example={"texts": 1, "cached": 0, "tokens": 4, "job": None},
        errors=(401, 403, 404),
    )
    def warm(self, request: Request) -> Response:
        """A few while you wait; many as a job, if there is a Redis to keep them for all processes.
        Without one, or while it does not answer, they are cached in the answering process alone.
        """
        principal = operator_of(request)
        data = validated(WarmRequest, request.data)
        collection = _collection(principal, data)
        if collection is not None:
            wanted = of_queries(collection=collection, limit=data.get("limit", DEFAULT_QUERIES))
        else:
            wanted = of_texts(
                owner_id=owner_named(data["owner"]) if "owner" in data else principal.user_id,
                texts=data["texts"],
                model=data.get("model"),
                input_type=data.get("input_type", "document"),
            )
        result = start_warming(owner_id=principal.user_id, wanted=wanted, collection=collection)
        headers = {"Location": f"/v1/jobs/{result.pk}"} if isinstance(result, Job) else {}
        return Response(warm_json(result), headers=headers)


def _collection(principal: Principal, data: dict[str, Any]) -> Collection | None:
    if "collection" not in data:
        return None
    return visible_collection(principal=principal, name=data["collection"], action=Action.OPERATE)
