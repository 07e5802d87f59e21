"""The served models on the wire."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from embeddings.engine import ModelInfo
from embeddings.services.engine import default_reranker, loaded_models


class ModelResponse(serializers.Serializer[Any]):
    """A model that may be asked for."""

    id = serializers.CharField(help_text="Its name, as requests give it.")
    object = serializers.CharField(help_text="`model`, as in OpenAI's list.")
    created = serializers.IntegerField(help_text="When its files came here, in seconds since 1970.")
    owned_by = serializers.CharField(help_text="The provider, as in OpenAI's list.")
    kind = serializers.ChoiceField(choices=["embedding", "reranker"])
    provider = serializers.ChoiceField(choices=["local", "remote"])
    dimensions = serializers.IntegerField(allow_null=True, help_text="Null for a reranker.")
    matryoshka = serializers.ListField(
        child=serializers.IntegerField(), help_text="Dimensions that vectors may be cut to."
    )
    max_tokens = serializers.IntegerField(
        allow_null=True, help_text="Of a longer text only the start is read."
    )
    normalized = serializers.BooleanField(help_text="Whether all vectors have length 1.")
    precision = serializers.ChoiceField(choices=["float32", "bfloat16", "float16"])
    token_ids = serializers.CharField(help_text="Vocabulary of token ids sent instead of text.")
    price_per_million_tokens = serializers.FloatField(allow_null=True)
    revision = serializers.CharField(allow_null=True)
    fingerprint = serializers.CharField(
        allow_null=True, help_text="Equal where vectors may be compared."
    )
    default = serializers.BooleanField(help_text="Whether requests that name none get it.")
    usable = serializers.BooleanField(
        help_text="Of one that can't be used now, only id, kind and provider are known."
    )
    loaded = serializers.BooleanField(help_text="Whether it answers without loading first.")


class ModelsResponse(serializers.Serializer[Any]):
    """What is served, the default first, rerankers last."""

    object = serializers.CharField(help_text="`list`, as OpenAI says.")
    data = ModelResponse(many=True)  # type: ignore[assignment] # a field takes the name


def models_json(infos: list[ModelInfo]) -> dict[str, Any]:
    """ModelsResponse."""
    loaded = loaded_models([info.name for info in infos])
    data = [model_json(info, loaded=info.name in loaded) for info in infos]
    return {"object": "list", "data": data}


def model_json(info: ModelInfo, *, loaded: bool) -> dict[str, Any]:
    """ModelResponse."""
    price = info.price_per_million_tokens
    return {
        "id": info.name,
        "object": "model",
        "created": info.created,
        "owned_by": info.provider,
        "kind": info.kind,
        "provider": info.provider,
        "dimensions": info.dimensions or None,
        "matryoshka": list(info.matryoshka),
        "max_tokens": info.max_tokens or None,
        "normalized": info.normalized,
        "precision": info.precision,
        "token_ids": info.token_ids,
        "price_per_million_tokens": None if price is None else float(price),
        "revision": info.revision or None,
        "fingerprint": info.fingerprint or None,
        "default": info.name in (settings.EMBED.default_model, default_reranker()),
        "usable": info.usable,
        "loaded": loaded,
    }
