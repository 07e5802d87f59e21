"""What is served."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.policy import Action
from embeddings.serializers.models import ModelResponse, ModelsResponse, model_json, models_json
from embeddings.services.engine import is_loaded
from embeddings.services.models import served_model, served_models
from embeddings.views.operations import operation, path_parameter

EXAMPLE = {
    "id": "all-MiniLM-L6-v2",
    "object": "model",
    "created": 1780000000,
    "owned_by": "local",
    "kind": "embedding",
    "provider": "local",
    "dimensions": 384,
    "matryoshka": [],
    "max_tokens": 256,
    "normalized": True,
    "precision": "float32",
    "token_ids": "cl100k_base",
    "price_per_million_tokens": None,
    "revision": "53aa51172d14",
    "fingerprint": "0b9f6f0c2f5d4a51",
    "default": True,
    "usable": True,
    "loaded": True,
}


class ModelViewSet(ViewSet):
    """The models that may be asked for."""

    actions = {"list": Action.EMBED}

    @operation(
        "models_list",
        summary="The served models",
        answer=ModelsResponse,
        example={"object": "list", "data": [EXAMPLE]},
        errors=(),
    )
    def list(self, request: Request) -> Response:  # noqa: ARG002 - all see the same
        """The default first, rerankers last. A body that OpenAI's clients read too."""
        return Response(models_json(served_models()))


class OpenAiModelViewSet(ViewSet):
    """One of the models that may be asked for."""

    dialect = "openai"
    actions = {"retrieve": Action.EMBED}

    @operation(
        "models_retrieve",
        summary="A served model",
        parameters=[path_parameter("model", "Its name, as requests give it.")],
        answer=ModelResponse,
        example=EXAMPLE,
        errors=(404,),
        dialect="openai",
    )
    def retrieve(self, request: Request, model: str) -> Response:  # noqa: ARG002 - all see the same
        """As in the list."""
        return Response(model_json(served_model(model), loaded=is_loaded(model)))
