"""Texts to vectors, without storing anything."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from accounts.permissions import principal_of
from accounts.policy import Action
from embeddings.serializers.base import validated
from embeddings.serializers.embed import EmbedRequest, EmbedResponse, embed_json
from embeddings.services.embed import embed_texts
from embeddings.views.caller import caller_gone
from embeddings.views.json import json_of, json_response
from embeddings.views.operations import operation

VECTOR = {"index": 0, "tokens": 7, "truncated": False, "cached": False}


class EmbedViewSet(ViewSet):
    """The vectors of texts."""

    actions = {"create": Action.EMBED}

    @operation(
        "embed",
        summary="Embed texts",
        request=EmbedRequest,
        request_examples={
            "One query": {"input": "how to brew tea", "input_type": "query"},
            "Documents as base64": {
                "input": ["Green tea.", "Coffee."],
                "encoding_format": "base64",
            },
        },
        answer=EmbedResponse,
        example={
            "model": "all-MiniLM-L6-v2",
            "fingerprint": "0b9f6f0c2f5d4a51",
            "dimensions": 384,
            "data": [VECTOR | {"embedding": [0.0123, -0.0456, 0.0789]}],
            "usage": {"tokens": 7, "cached_tokens": 0},
        },
        errors=(),
    )
    def create(self, request: Request) -> HttpResponse:
        """The same text has the same vector, alone or in any batch."""
        return embed(request, json_of(request))


def embed(request: Request, body: Any) -> HttpResponse:
    """The vectors of the texts in a request's body."""
    data = validated(EmbedRequest, body)
    result = embed_texts(
        principal=principal_of(request),
        texts=data["input"],
        model=data.get("model"),
        input_type=data["input_type"],
        dimensions=data.get("dimensions"),
        truncate=data["truncate"],
        gone=caller_gone(request),
    )
    return json_response(embed_json(result, encoding_format=data["encoding_format"]))
