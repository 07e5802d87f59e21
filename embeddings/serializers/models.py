"""The served models on the wire."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from embeddings.engine import ModelInfo
from embeddings.services.engine import is_loaded


class ModelResponse(serializers.Serializer[Any]):
    """A model that may be asked for."""

    id = serializers.CharField(help_text="Its name, as requests give it.")
    dimensions = serializers.IntegerField()
    max_tokens = serializers.IntegerField(help_text="Of a longer text only the start is read.")
    revision = serializers.CharField()
    fingerprint = serializers.CharField(help_text="Equal where vectors may be compared.")
    default = serializers.BooleanField()
    loaded = serializers.BooleanField(help_text="Whether it answers without loading first.")


class ModelsResponse(serializers.Serializer[Any]):
    """What is served, the default first."""

    data = ModelResponse(many=True)  # type: ignore[assignment] # a field takes the name


def model_json(info: ModelInfo) -> dict[str, Any]:
    """ModelResponse."""
    return {
        "id": info.name,
        "dimensions": info.dimensions,
        "max_tokens": info.max_tokens,
        "revision": info.revision,
        "fingerprint": info.fingerprint,
        "default": info.name == settings.EMBED.default_model,
        "loaded": is_loaded(info.name),
    }
