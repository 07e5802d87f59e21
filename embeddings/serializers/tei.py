"""text-embeddings-inference on the wire."""

from typing import Any, get_args

from django.conf import settings
from rest_framework import serializers

from embeddings.constants import VERSION
from embeddings.engine import ModelInfo
from embeddings.exceptions import EmptyInput
from embeddings.serializers.base import TolerantRequest
from embeddings.serializers.fields import FlagField, TextField, TextsField, WholeNumberField
from embeddings.services.tei import TeiOptions
from embeddings.types.embed import InputType

VECTOR = {"type": "array", "items": {"type": "number"}}
VECTORS = {"type": "array", "items": VECTOR}
TOKEN = {
    "type": "object",
    "properties": {
        "id": {"type": "integer"},
        "text": {"type": "string"},
        "special": {"type": "boolean"},
        "start": {"type": ["integer", "null"]},
        "stop": {"type": ["integer", "null"]},
    },
}
TOKENS = {"type": "array", "items": {"type": "array", "items": TOKEN}}
"""Answers that are bare arrays, as OpenAPI has them."""


class InputsField(TextsField):
    """One text, or a list of them."""

    def to_internal_value(self, data: Any) -> list[str]:
        """The texts. Raises ValidationError and EmptyInput."""
        if data == []:
            raise EmptyInput(param=self.field_name)
        return super().to_internal_value(data)


class SentencesField(InputsField):
    """Texts."""

    def to_internal_value(self, data: Any) -> list[str]:
        """The texts. Raises ValidationError and EmptyInput."""
        return super().to_internal_value(None if isinstance(data, str) else data)


class TeiParameters(TolerantRequest):
    """How texts are read."""

    truncate = FlagField(
        default=True,
        allow_null=True,
        help_text="false refuses a text over the model's limit instead of cutting it.",
    )
    truncation_direction = serializers.ChoiceField(
        choices=["right", "left", "Right", "Left"],
        default="right",
        help_text="Which end of a text is cut.",
    )
    prompt_name = serializers.ChoiceField(
        choices=get_args(InputType),
        required=False,
        allow_null=True,
        help_text="The texts' type, as `input_type` of `/v1/embed`; `document` without.",
    )


class TeiEmbedRequest(TeiParameters):
    """What to embed, and how the vectors are to look."""

    inputs = InputsField(help_text="One text, or a list of them.")
    normalize = FlagField(
        default=True, help_text="false is refused by a model that normalises by itself."
    )
    dimensions = WholeNumberField(
        required=False,
        allow_null=True,
        min_value=1,
        help_text="Cuts and normalises again; for models that were trained for it.",
    )


class SimilarityInputs(TolerantRequest):
    """What to compare."""

    source_sentence = TextField()
    sentences = SentencesField(help_text="Each is compared with the source.")


class SimilarityRequest(TolerantRequest):
    """What to compare, and how it is read."""

    inputs = SimilarityInputs()
    parameters = TeiParameters(required=False, allow_null=True)


class TokenizeRequest(TolerantRequest):
    """What to tokenize."""

    inputs = InputsField(help_text="One text, or a list of them.")
    add_special_tokens = FlagField(default=True)
    prompt_name = serializers.ChoiceField(
        choices=get_args(InputType),
        required=False,
        allow_null=True,
        help_text="Whose prompt stands before each text.",
    )


class Pooling(serializers.Serializer[Any]):
    """What makes one vector of the tokens'."""

    pooling = serializers.CharField()


class TeiModelType(serializers.Serializer[Any]):
    """What the model does."""

    embedding = Pooling()


class TeiInfo(serializers.Serializer[Any]):
    """What is served, and within which limits."""

    model_id = serializers.CharField()
    model_sha = serializers.CharField()
    model_dtype = serializers.CharField()
    served_model_name = serializers.CharField()
    model_type = TeiModelType()
    max_concurrent_requests = serializers.IntegerField()
    max_input_length = serializers.IntegerField()
    max_batch_tokens = serializers.IntegerField()
    max_batch_requests = serializers.IntegerField(allow_null=True)
    max_client_batch_size = serializers.IntegerField()
    auto_truncate = serializers.BooleanField()
    tokenization_workers = serializers.IntegerField()
    version = serializers.CharField()
    sha = serializers.CharField(allow_null=True)
    docker_label = serializers.CharField(allow_null=True)


def tei_options(data: dict[str, Any]) -> TeiOptions:
    """The options among validated TeiParameters."""
    return TeiOptions(
        input_type=data.get("prompt_name") or "document",
        truncate=data["truncate"] is not False,
        keep_end=data["truncation_direction"].lower() == "left",
    )


def info_json(info: ModelInfo) -> dict[str, Any]:
    """TeiInfo."""
    config = settings.EMBED
    return {
        "model_id": info.name,
        "model_sha": info.revision,
        "model_dtype": info.precision,
        "served_model_name": info.name,
        "model_type": {"embedding": {"pooling": info.pooling}},
        "max_concurrent_requests": config.workers * config.threads,
        "max_input_length": info.max_tokens,
        "max_batch_tokens": config.batch_tokens,
        "max_batch_requests": None,
        "max_client_batch_size": config.max_batch,
        "auto_truncate": True,
        "tokenization_workers": config.workers * config.threads,
        "version": VERSION,
        "sha": None,
        "docker_label": None,
    }
