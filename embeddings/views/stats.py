"""What a collection weighs, how well its index finds, and what would help it."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.permissions import principal_of
from accounts.policy import Action
from embeddings.serializers.stats import StatsResponse, shown_stats_json, stats_json
from embeddings.services.collection import visible_collection
from embeddings.services.stats import collection_stats, shown_stats
from embeddings.views.operations import operation

RECALL = {
    "recall": 0.994,
    "worst": 0.9,
    "top_k": 10,
    "queries": 50,
    "approximate": 50,
    "measured_at": "2026-11-22T09:00:00Z",
}
TABLE = {
    "rows": 63905,
    "dead_rows": 19088,
    "changed": 19088,
    "last_vacuum": None,
    "last_analyze": "2026-11-22T08:00:00Z",
}
EXAMPLE = {
    "collection": "articles",
    "documents": 63905,
    "chunks": 63905,
    "bytes": {
        "documents": 33_554_432,
        "chunks": 113_246_208,
        "index": 73_400_320,
        "total": 220_200_960,
    },
    "index": {
        "state": "ready",
        "m": 16,
        "ef_construction": 128,
        "storage": "halfvec",
        "bytes": 73_400_320,
        "job": None,
    },
    "recall": {"unfiltered": RECALL, "filtered": RECALL | {"approximate": 12}, "warning": ""},
    "maintenance": {
        "documents": TABLE | {"dead_rows": 0, "changed": 0},
        "chunks": TABLE,
        "advice": ["REINDEX then VACUUM: 23% of the index's rows are dead."],
    },
}


class StatsViewSet(ViewSet):
    """One collection's, and nothing of others."""

    actions = {"retrieve": Action.READ}

    @operation(
        "collection_stats",
        summary="A collection's size, its index, its recall, and what would help it",
        answer=StatsResponse,
        example=EXAMPLE,
    )
    def retrieve(self, request: Request, name: str) -> Response:
        """Recall is measured once a day, or as the operator has set, by searching for what is near
        to stored documents, as every search does, and exactly.
        """
        collection = visible_collection(
            principal=principal_of(request), name=name, action=Action.READ
        )
        if collection.row_filter is not None:
            shown = shown_stats(collection=collection)
            return Response(shown_stats_json(collection, *shown))
        return Response(stats_json(collection, collection_stats(collection=collection)))
