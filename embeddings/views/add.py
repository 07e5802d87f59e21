"""Documents into a collection."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.permissions import principal_of
from accounts.policy import Action
from embeddings.constants import OnConflict
from embeddings.serializers.add import AddRequest, AddResponse, add_json, document_inputs
from embeddings.serializers.base import validated
from embeddings.services.add import add_documents
from embeddings.services.collection import visible_collection
from embeddings.views.operations import operation


class AddViewSet(ViewSet):
    """Adding documents."""

    actions = {"create": Action.WRITE}

    @operation(
        "add",
        summary="Add documents to a collection",
        request=AddRequest,
        request_examples={
            "Two documents": {
                "collection": "articles",
                "documents": [
                    {"id": "guide/1", "text": "How to brew green tea.", "metadata": {"lang": "en"}},
                    {"text": "Coffee tastes bitter."},
                ],
            }
        },
        answer=AddResponse,
        example={
            "ids": ["guide/1", "4f9d5b1e-8c3a-4d27-9a50-2f4e0c6b7d18"],
            "added": 2,
            "updated": 0,
            "unchanged": 0,
            "truncated": [],
            "usage": {"tokens": 14, "cached_tokens": 0},
        },
        errors=(403, 404, 409),
    )
    def create(self, request: Request) -> Response:
        """All are stored with their vectors, or none; what is stored already is not embedded."""
        data = validated(AddRequest, request.data)
        principal = principal_of(request)
        collection = visible_collection(
            principal=principal, name=data["collection"], action=Action.WRITE
        )
        result = add_documents(
            collection=collection,
            owner_id=principal.user_id,
            documents=document_inputs(data),
            on_conflict=OnConflict(data["on_conflict"]),
            truncate=data["truncate"],
        )
        return Response(add_json(result))
