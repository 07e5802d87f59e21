"""Nearest documents to a text, a vector or another document."""

import time
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from accounts.permissions import principal_of
from accounts.policy import Action
from embeddings.serializers.base import validated
from embeddings.serializers.search import SearchRequest, search_params
from embeddings.serializers.search_answer import SearchResponse, search_json, searches_json
from embeddings.services.search import search_visible
from embeddings.services.search_batch import search_across, search_many
from embeddings.views.caller import caller_gone
from embeddings.views.json import json_of, json_response
from embeddings.views.operations import operation
from embeddings.views.search_examples import ANSWER, EXAMPLES


class SearchViewSet(ViewSet):
    """Searching by meaning, by words, or by both."""

    actions = {"create": Action.SEARCH}

    @operation(
        "search",
        summary="Search a collection",
        request=SearchRequest,
        request_examples=EXAMPLES,
        answer=SearchResponse,
        example=ANSWER,
    )
    def create(self, request: Request) -> HttpResponse:
        """The plan says how the hits were found, and whether exactly. With `queries` the answer
        has their `results`; one query at fault refuses them all.
        """
        data = validated(SearchRequest, json_of(request))
        names = data.get("collections") or [data["collection"]]
        if "queries" in data:
            return self._many(request, names, data)
        params, principal = search_params(data), principal_of(request)
        gone = caller_gone(request)
        if "collections" in data:
            result = search_across(principal=principal, names=names, params=params, gone=gone)
        else:
            result = search_visible(
                principal=principal,
                name=data["collection"],
                params=params,
                fresh=_wants_fresh(request),
                gone=gone,
            )
        return json_response(search_json(result, include=params.include))

    def _many(self, request: Request, names: list[str], data: dict[str, Any]) -> HttpResponse:
        started = time.perf_counter()
        params = [search_params(query) for query in data["queries"]]
        results = search_many(
            principal=principal_of(request),
            names=names,
            queries=params,
            named="collections" in data,
            fresh=_wants_fresh(request),
            gone=caller_gone(request),
        )
        took_ms = (time.perf_counter() - started) * 1000
        includes = [each.include for each in params]
        return json_response(searches_json(results, includes=includes, took_ms=took_ms))


def _wants_fresh(request: Request) -> bool:
    return "no-cache" in request.META.get("HTTP_CACHE_CONTROL", "")
