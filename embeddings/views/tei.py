"""What text-embeddings-inference serves, for its clients."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.permissions import principal_of
from accounts.policy import Action
from embeddings.serializers.base import validated
from embeddings.serializers.embed import EmbedRequest
from embeddings.serializers.tei import (
    TOKENS,
    VECTOR,
    VECTORS,
    SimilarityRequest,
    TeiEmbedRequest,
    TeiInfo,
    TeiParameters,
    TokenizeRequest,
    info_json,
    tei_options,
)
from embeddings.services.engine import model_info
from embeddings.services.tei import embed_tei, similarities, tokenize
from embeddings.views.caller import caller_gone
from embeddings.views.dialects import speak
from embeddings.views.embed import embed
from embeddings.views.json import json_of, json_response
from embeddings.views.operations import operation

INFO = {
    "model_id": "all-MiniLM-L6-v2",
    "model_sha": "53aa51172d14",
    "model_dtype": "float32",
    "served_model_name": "all-MiniLM-L6-v2",
    "model_type": {"embedding": {"pooling": "mean"}},
    "max_concurrent_requests": 8,
    "max_input_length": 256,
    "max_batch_tokens": 8192,
    "max_batch_requests": None,
    "max_client_batch_size": 1000,
    "auto_truncate": True,
    "tokenization_workers": 8,
    "version": "0.1.0",
    "sha": None,
    "docker_label": None,
}
SPECIAL = {"id": 101, "text": "[CLS]", "special": True, "start": None, "stop": None}
WORD = {"id": 5572, "text": "tea", "special": False, "start": 0, "stop": 3}


class SharedEmbedViewSet(ViewSet):
    """`/embed`, where `input` is ours and `inputs` text-embeddings-inference's."""

    actions = {"create": Action.EMBED}

    @operation(
        "tei_embed",
        summary="Embed texts, as text-embeddings-inference does; also at `POST /`",
        request=PolymorphicProxySerializer(
            component_name="AnyEmbedRequest",
            serializers=[TeiEmbedRequest, EmbedRequest],
            resource_type_field_name=None,
        ),
        request_examples={"Texts": {"inputs": ["Green tea.", "Coffee."], "truncate": True}},
        answer=VECTORS,
        example=[[0.0123, -0.0456, 0.0789]],
        errors=(),
        dialect="tei",
    )
    def create(self, request: Request) -> HttpResponse:
        """A bare list of vectors. A body with `input` instead is answered as `/v1/embed` does."""
        body = json_of(request)
        if isinstance(body, Mapping) and "inputs" in body:
            speak(request, "tei")
            return _embed_as_tei(request, body)
        return embed(request, body)


class TeiEmbedViewSet(ViewSet):
    """`POST /`, which is `/embed` under another name."""

    schema = None
    dialect = "tei"
    actions = {"create": Action.EMBED}

    def create(self, request: Request) -> HttpResponse:
        """As SharedEmbedViewSet has it for `inputs`."""
        return _embed_as_tei(request, json_of(request))


class TeiInfoViewSet(ViewSet):
    """What is served."""

    dialect = "tei"
    actions = {"retrieve": Action.EMBED}

    @operation(
        "tei_info",
        summary="The default model, as text-embeddings-inference describes its own",
        answer=TeiInfo,
        example=INFO,
        errors=(),
        dialect="tei",
    )
    def retrieve(self, request: Request) -> Response:  # noqa: ARG002 - all see the same
        """Its clients can ask for no other model."""
        return Response(info_json(model_info(settings.EMBED.default_model)))


class SimilarityViewSet(ViewSet):
    """How similar texts are."""

    dialect = "tei"
    actions = {"create": Action.EMBED}

    @operation(
        "tei_similarity",
        summary="Compare texts, as text-embeddings-inference does",
        request=SimilarityRequest,
        request_examples={
            "Two texts": {
                "inputs": {
                    "source_sentence": "How is tea made?",
                    "sentences": ["Brewing green tea.", "The gate code changes on Mondays."],
                }
            }
        },
        answer=VECTOR,
        example=[0.71, 0.04],
        errors=(),
        dialect="tei",
    )
    def create(self, request: Request) -> Response:
        """The cosine of each text and the source, as a bare list."""
        data = validated(SimilarityRequest, request.data)
        parameters = data.get("parameters") or validated(TeiParameters, {})
        cosines = similarities(
            principal=principal_of(request),
            source=data["inputs"]["source_sentence"],
            texts=data["inputs"]["sentences"],
            options=tei_options(parameters),
            gone=caller_gone(request),
        )
        return Response(cosines)


class TokenizeViewSet(ViewSet):
    """The tokens of texts."""

    dialect = "tei"
    actions = {"create": Action.EMBED}

    @operation(
        "tei_tokenize",
        summary="Tokenize texts, as text-embeddings-inference does",
        request=TokenizeRequest,
        request_examples={"One text": {"inputs": "tea"}},
        answer=TOKENS,
        example=[[SPECIAL, WORD]],
        errors=(),
        dialect="tei",
    )
    def create(self, request: Request) -> Response:
        """All tokens, even those that the model has no room for, as bare lists."""
        data = validated(TokenizeRequest, request.data)
        tokens = tokenize(
            texts=data["inputs"],
            input_type=data.get("prompt_name"),
            special=data["add_special_tokens"],
        )
        return Response(tokens)


def _embed_as_tei(request: Request, body: Any) -> HttpResponse:
    data = validated(TeiEmbedRequest, body)
    vectors = embed_tei(
        principal=principal_of(request),
        texts=data["inputs"],
        options=tei_options(data),
        normalize=data["normalize"],
        dimensions=data.get("dimensions"),
        gone=caller_gone(request),
    )
    return json_response(vectors)
