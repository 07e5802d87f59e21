"""Nearest documents to a text, a vector or another document."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.permissions import principal_of
from accounts.policy import Action
from embeddings.serializers.base import validated
from embeddings.serializers.search import SearchRequest, SearchResponse, search_json, search_params
from embeddings.services.search import search_visible
from embeddings.views.operations import operation

HIT = {
    "id": "guide/1",
    "score": 0.71,
    "distance": 0.29,
    "text": "How to brew green tea.",
    "metadata": {"lang": "en", "year": 2024},
}
PLAN = {
    "path": "exact",
    "exact": True,
    "ef_search": None,
    "candidates": None,
    "matches": None,
    "matches_at_least": False,
}


class SearchViewSet(ViewSet):
    """Searching by meaning."""

    actions = {"create": Action.SEARCH}

    @operation(
        "search",
        summary="Search a collection",
        request=SearchRequest,
        request_examples={
            "By text": {"collection": "articles", "query": "hot drinks", "top_k": 3},
            "With a filter": {
                "collection": "articles",
                "query": "hot drinks",
                "filter": {"lang": "en", "year": {"$gte": 2020}},
            },
            "Like a document": {"collection": "articles", "document_id": "guide/1"},
        },
        answer=SearchResponse,
        example={
            "hits": [HIT],
            "plan": PLAN,
            "usage": {"tokens": 4, "cached_tokens": 0},
            "took_ms": 3.2,
        },
    )
    def create(self, request: Request) -> Response:
        """The plan says whether the answer is exact."""
        data = validated(SearchRequest, request.data)
        params = search_params(data)
        result = search_visible(
            principal=principal_of(request),
            name=data["collection"],
            params=params,
            fresh="no-cache" in request.headers.get("Cache-Control", ""),
        )
        return Response(search_json(result, include=params.include))
