"""What is served."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.policy import Action
from embeddings.serializers.models import ModelsResponse, model_json
from embeddings.services.engine import served_models
from embeddings.views.operations import operation


class ModelViewSet(ViewSet):
    """The models that may be asked for."""

    actions = {"list": Action.EMBED}

    @operation(
        "models_list",
        summary="The served models",
        answer=ModelsResponse,
        example={
            "data": [
                {
                    "id": "all-MiniLM-L6-v2",
                    "dimensions": 384,
                    "max_tokens": 256,
                    "revision": "53aa51172d14",
                    "fingerprint": "0b9f6f0c2f5d4a51",
                    "default": True,
                    "loaded": True,
                }
            ]
        },
        errors=(),
    )
    def list(self, request: Request) -> Response:  # noqa: ARG002 - all see the same
        """The default first."""
        return Response({"data": [model_json(info) for info in served_models()]})
