"""Texts in, vectors out."""

import base64
from typing import Any, get_args

from rest_framework import serializers

from embeddings.serializers.base import RequestSerializer
from embeddings.serializers.fields import (
    EmbeddingField,
    FlagField,
    StringField,
    TextsField,
    WholeNumberField,
)
from embeddings.services.engine import model_info
from embeddings.types.embed import EmbedResult, InputType

TRUNCATE_HELP = (
    "false refuses a text over the model's limit instead of cutting it; what a remote model of"
    " OpenAI's protocol does is its provider's matter."
)


class EmbedRequest(RequestSerializer):
    """What to embed, and how the vectors are to look."""

    input = TextsField(help_text="One text, or a list of them.")
    model = StringField(
        max_length=200, required=False, help_text="One of `/v1/models`; the default without."
    )
    input_type = serializers.ChoiceField(choices=get_args(InputType), default="document")
    encoding_format = serializers.ChoiceField(
        choices=["float", "base64"],
        default="float",
        help_text="base64: little-endian float32, padded.",
    )
    dimensions = WholeNumberField(
        required=False, min_value=1, help_text="The model's own, or one of its `matryoshka` sizes."
    )
    truncate = FlagField(default=True, help_text=TRUNCATE_HELP)


class UsageResponse(serializers.Serializer[Any]):
    """What the request cost."""

    tokens = serializers.IntegerField(help_text="Tokens of the texts, as far as a model reads.")
    cached_tokens = serializers.IntegerField(
        help_text="Of these, the tokens of texts whose vectors were cached."
    )


class EmbeddedText(serializers.Serializer[Any]):
    """The vector of one text."""

    index = serializers.IntegerField()
    embedding = EmbeddingField(help_text="With `base64` a string.")
    tokens = serializers.IntegerField()
    truncated = serializers.BooleanField()
    cached = serializers.BooleanField(help_text="Whether no model had to read the text.")


class EmbedResponse(serializers.Serializer[Any]):
    """The vectors, in the order of the texts."""

    model = serializers.CharField()
    fingerprint = serializers.CharField(
        help_text="Of the model; vectors with the same one may be compared."
    )
    dimensions = serializers.IntegerField()
    data = EmbeddedText(many=True)  # type: ignore[assignment] # a field takes the name
    usage = UsageResponse()


def embed_json(result: EmbedResult, *, encoding_format: str) -> dict[str, Any]:
    """EmbedResponse; the vectors stay numpy arrays for the renderer."""
    vectors: Any = result.vectors
    if encoding_format == "base64":
        vectors = [base64.b64encode(row.astype("<f4").tobytes()).decode() for row in vectors]
    rows = zip(
        vectors,
        result.tokens.tolist(),
        result.truncated.tolist(),
        result.cached.tolist(),
        strict=True,
    )
    return {
        "model": result.model,
        "fingerprint": model_info(result.model).fingerprint,
        "dimensions": result.dimensions,
        "data": [
            {
                "index": index,
                "embedding": embedding,
                "tokens": tokens,
                "truncated": truncated,
                "cached": cached,
            }
            for index, (embedding, tokens, truncated, cached) in enumerate(rows)
        ],
        "usage": usage_json(tokens=int(result.tokens.sum()), cached_tokens=result.cached_tokens),
    }


def usage_json(*, tokens: int, cached_tokens: int) -> dict[str, int]:
    """UsageResponse."""
    return {"tokens": tokens, "cached_tokens": cached_tokens}
