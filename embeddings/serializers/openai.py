"""OpenAI's embeddings on the wire."""

import base64
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from embeddings.exceptions import EmptyInput
from embeddings.serializers.base import RequestSerializer
from embeddings.serializers.fields import EmbeddingField, StringField, WholeNumberField
from embeddings.services.openai import MAX_INPUTS, Inputs
from embeddings.types.embed import EmbedResult

TEXTS = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_INPUTS}
IDS = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1}
LISTS_OF_IDS = {"type": "array", "items": IDS, "minItems": 1, "maxItems": MAX_INPUTS}


@extend_schema_field({"oneOf": [{"type": "string"}, TEXTS, IDS, LISTS_OF_IDS]})
class InputField(serializers.Field[Any, Any, Any, Any]):
    """A text, texts, token ids, or lists of them: no field for each item, as there may be many."""

    default_error_messages = {
        "invalid": "Send a string, a list of strings, a list of token ids or a list of such lists.",
        "too_many": "There are {count} inputs; a request may have {limit}. Send it in several.",
    }

    def to_internal_value(self, data: Any) -> Inputs:
        """The texts, or the ids of each text. Raises ValidationError and EmptyInput."""
        if data == [] or (isinstance(data, list) and [] in data):
            raise EmptyInput(param=self.field_name)
        if isinstance(data, str):
            return [data]
        kinds = set(map(type, data)) if isinstance(data, list) else set()
        if kinds == {int}:
            return [data]
        are_ids = kinds == {list} and all(set(map(type, ids)) == {int} for ids in data)
        if not are_ids and kinds != {str}:
            self.fail("invalid")
        if len(data) > MAX_INPUTS:
            self.fail("too_many", count=len(data), limit=MAX_INPUTS)
        inputs: Inputs = data
        return inputs

    def to_representation(self, value: Any) -> Any:
        """The inputs as they are."""
        return value


class OpenAiRequest(RequestSerializer):
    """What to embed. Fields may be null, as some clients send them."""

    input = InputField(
        help_text="Texts, or token ids of cl100k_base unless the model declares its own vocabulary."
    )
    model = StringField(max_length=200, help_text="One of `/v1/models`.")
    encoding_format = serializers.ChoiceField(
        choices=["float", "base64"],
        default="float",
        allow_null=True,
        help_text="base64: little-endian float32, padded.",
    )
    dimensions = WholeNumberField(
        required=False,
        allow_null=True,
        min_value=1,
        help_text="Cuts and normalises again; for models that were trained for it.",
    )
    user = StringField(required=False, allow_null=True, allow_blank=True, help_text="Ignored.")


class OpenAiEmbedding(serializers.Serializer[Any]):
    """The vector of one input."""

    object = serializers.CharField(help_text="`embedding`")
    index = serializers.IntegerField()
    embedding = EmbeddingField(help_text="With `base64` a string.")


class OpenAiUsage(serializers.Serializer[Any]):
    """The tokens that the model read, twice."""

    prompt_tokens = serializers.IntegerField()
    total_tokens = serializers.IntegerField()


class OpenAiResponse(serializers.Serializer[Any]):
    """The vectors, in the order of the inputs."""

    object = serializers.CharField(help_text="`list`")
    data = OpenAiEmbedding(many=True)  # type: ignore[assignment] # a field takes the name
    model = serializers.CharField()
    usage = OpenAiUsage()


def openai_json(result: EmbedResult, *, encoding_format: str | None) -> dict[str, Any]:
    """OpenAiResponse; the vectors stay numpy arrays for the renderer."""
    vectors: Any = result.vectors
    if encoding_format == "base64":
        vectors = [base64.b64encode(row).decode() for row in result.vectors.astype("<f4")]
    tokens = int(result.tokens.sum())
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": embedding}
            for index, embedding in enumerate(vectors)
        ],
        "model": result.model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
