"""Texts ranked for a query, for clients of Cohere, Jina and text-embeddings-inference."""

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.policy import Action
from embeddings.serializers.base import validated
from embeddings.serializers.rerank import (
    CohereRerankRequest,
    CohereRerankResponse,
    RerankRequest,
    RerankResponse,
    TeiRanked,
    TeiRerankRequest,
    cohere_json,
    rerank_json,
    tei_json,
)
from embeddings.services.rerank import rerank_texts
from embeddings.types.rerank import RerankResult
from embeddings.views.caller import caller_gone
from embeddings.views.dialects import speak
from embeddings.views.operations import operation

QUERY = "Why does bread dough rise?"
TEXTS = ["The gate code changes on Mondays.", "Yeast makes dough rise."]
ASKED = {"model": "all-MiniLM-L6-v2-maxsim", "query": QUERY, "documents": TEXTS, "top_n": 1}
META = {"api_version": {"version": "1"}, "billed_units": {"search_units": 1}}
ID = "0f5f8a6e-9a53-4d0b-9d5e-4a4c3f0c6a77"


class RerankViewSet(ViewSet):
    """Cohere's first version and Jina's, told by `documents`; text-embeddings-inference's, told by
    `texts`.
    """

    dialect = "jina"
    actions = {"create": Action.EMBED}

    @operation(
        "rerank",
        summary="Rank texts, as Cohere, Jina and text-embeddings-inference do",
        request=PolymorphicProxySerializer(
            component_name="AnyRerankRequest",
            serializers=[RerankRequest, TeiRerankRequest],
            resource_type_field_name=None,
        ),
        request_examples={
            "Cohere and Jina": ASKED,
            "text-embeddings-inference": {"query": QUERY, "texts": TEXTS},
        },
        answer=PolymorphicProxySerializer(
            component_name="AnyRerankResponse",
            serializers=[RerankResponse, TeiRanked(many=True)],
            resource_type_field_name=None,
            many=False,
        ),
        example={
            "id": ID,
            "model": "all-MiniLM-L6-v2-maxsim",
            "usage": {"total_tokens": 16, "prompt_tokens": 16},
            "results": [{"index": 1, "relevance_score": 0.81, "document": {"text": TEXTS[1]}}],
            "meta": META,
        },
        errors=(),
        dialect="jina",
    )
    def create(self, request: Request) -> Response:
        """Best first. A body with `texts` instead of `documents` is answered with a bare list of
        `index` and `score`.
        """
        if isinstance(request.data, dict) and "texts" in request.data:
            speak(request, "tei")
            return self._tei(request)
        data = validated(RerankRequest, request.data)
        result = ranked_documents(request, data)
        send_back = data.get("return_documents") is not False
        return Response(rerank_json(result, texts=data["documents"], return_documents=send_back))

    def _tei(self, request: Request) -> Response:
        data = validated(TeiRerankRequest, request.data)
        result = rerank_texts(
            query=data["query"],
            texts=data["texts"],
            truncate=data["truncate"] is not False,
            param="texts",
            gone=caller_gone(request),
        )
        return Response(
            tei_json(
                result,
                texts=data["texts"],
                raw_scores=data["raw_scores"],
                return_text=data["return_text"],
            )
        )


class CohereRerankViewSet(ViewSet):
    """Cohere's second version."""

    dialect = "cohere"
    actions = {"create": Action.EMBED}

    @operation(
        "cohere_rerank",
        summary="Rank texts, as Cohere's second version does",
        request=CohereRerankRequest,
        request_examples={"The best of two": ASKED},
        answer=CohereRerankResponse,
        example={
            "id": ID,
            "results": [{"index": 1, "relevance_score": 0.81}],
            "meta": META | {"api_version": {"version": "2"}},
        },
        errors=(),
        dialect="cohere",
    )
    def create(self, request: Request) -> Response:
        """Best first."""
        data = validated(CohereRerankRequest, request.data)
        result = ranked_documents(request, data)
        return Response(cohere_json(result, texts=data["documents"], version="2"))


def ranked_documents(request: Request, data: dict[str, Any]) -> RerankResult:
    """The documents of a request of Cohere's or Jina's."""
    return rerank_texts(
        query=data["query"],
        texts=data["documents"],
        model=data.get("model"),
        top_n=data.get("top_n"),
        text_tokens=data.get("max_tokens_per_doc"),
        gone=caller_gone(request),
    )
