"""OpenAI's embeddings, for its clients."""

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from accounts.permissions import principal_of
from accounts.policy import Action
from embeddings.serializers.base import validated
from embeddings.serializers.openai import OpenAiRequest, OpenAiResponse, openai_json
from embeddings.services.openai import embed_openai
from embeddings.views.caller import caller_gone
from embeddings.views.json import json_of, json_response
from embeddings.views.operations import operation


class OpenAiViewSet(ViewSet):
    """The vectors of texts and of token ids."""

    dialect = "openai"
    actions = {"create": Action.EMBED}

    @operation(
        "openai_embeddings",
        summary="Embed texts, as OpenAI does",
        request=OpenAiRequest,
        request_examples={
            "Texts": {"model": "all-MiniLM-L6-v2", "input": ["Green tea.", "Coffee."]},
            "Token ids": {
                "model": "all-MiniLM-L6-v2",
                "input": [[15339, 1917]],
                "encoding_format": "base64",
            },
        },
        answer=OpenAiResponse,
        example={
            "object": "list",
            "data": [
                {"object": "embedding", "index": 0, "embedding": [0.0123, -0.0456, 0.0789]},
            ],
            "model": "all-MiniLM-L6-v2",
            "usage": {"prompt_tokens": 5, "total_tokens": 5},
        },
        errors=(404,),
        dialect="openai",
    )
    def create(self, request: Request) -> HttpResponse:
        """At most 2,048 inputs of 8,192 tokens, 300,000 tokens in all."""
        data = validated(OpenAiRequest, json_of(request))
        result = embed_openai(
            principal=principal_of(request),
            inputs=data["input"],
            model=data["model"],
            dimensions=data.get("dimensions"),
            gone=caller_gone(request),
        )
        return json_response(openai_json(result, encoding_format=data["encoding_format"]))
