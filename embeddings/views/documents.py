"""The documents of a collection: list, show, change metadata, delete."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.permissions import principal_of
from accounts.policy import Action
from embeddings.models import Collection, Document
from embeddings.serializers.base import validated
from embeddings.serializers.documents import (
    DeleteRequest,
    DeleteResponse,
    DocumentChange,
    DocumentDetail,
    DocumentQuery,
    DocumentsResponse,
    delete_json,
    detail_json,
    document_json,
)
from embeddings.serializers.paging import page
from embeddings.services.collection import visible_collection
from embeddings.services.documents import (
    delete_document,
    delete_documents,
    document_spans,
    get_document,
    list_documents,
    update_metadata,
)
from embeddings.views.operations import operation, path_parameter

EXAMPLE = {
    "id": "guide/1",
    "text": "How to brew green tea.",
    "metadata": {"lang": "en", "year": 2024},
    "created_at": "2026-11-22T09:00:00Z",
    "updated_at": "2026-11-22T09:00:00Z",
}
DETAIL = EXAMPLE | {"chunks": [{"start": 0, "end": 22}]}
ID = path_parameter("id", "The document's id; may hold slashes.")


class DocumentViewSet(ViewSet):
    """What a collection holds; `/v1/add` puts it there."""

    actions = {
        "list": Action.READ,
        "retrieve": Action.READ,
        "partial_update": Action.WRITE,
        "destroy": Action.WRITE,
        "destroy_many": Action.WRITE,
    }

    @operation(
        "documents_list",
        summary="The documents of a collection",
        query=DocumentQuery,
        answer=DocumentsResponse,
        example={"documents": [EXAMPLE], "next_cursor": None},
    )
    def list(self, request: Request, name: str) -> Response:
        """Page through the documents, or through those that a filter lets through."""
        query = validated(DocumentQuery, request.query_params.dict())
        collection = visible_collection(
            principal=principal_of(request), name=name, action=Action.READ
        )
        rows = list_documents(
            collection=collection,
            metadata_filter=query.get("filter"),
            after=query.get("cursor"),
            limit=query["limit"] + 1,
        )
        shown, cursor = page(rows, limit=query["limit"], key=lambda row: row.id.hex)
        return Response({"documents": [document_json(row) for row in shown], "next_cursor": cursor})

    @operation(
        "documents_retrieve",
        summary="Show a document",
        answer=DocumentDetail,
        example=DETAIL,
        parameters=[ID],
    )
    def retrieve(self, request: Request, name: str, id: str) -> Response:  # noqa: A002
        """Its text, its metadata and the spans of its chunks."""
        collection = visible_collection(
            principal=principal_of(request), name=name, action=Action.READ
        )
        return self._detail(collection, get_document(collection=collection, external_id=id))

    @operation(
        "documents_update",
        summary="Change a document's metadata",
        request=DocumentChange,
        request_examples={
            "Set one key, remove another": {"metadata": {"year": 2025, "draft": None}}
        },
        answer=DocumentDetail,
        example=DETAIL | {"metadata": {"lang": "en", "year": 2025}},
        parameters=[ID],
    )
    def partial_update(self, request: Request, name: str, id: str) -> Response:  # noqa: A002
        """Merges at the top level; the text is not embedded again."""
        data = validated(DocumentChange, request.data)
        collection = visible_collection(
            principal=principal_of(request), name=name, action=Action.WRITE
        )
        document = update_metadata(collection=collection, external_id=id, changes=data["metadata"])
        return self._detail(collection, document)

    @operation(
        "documents_delete",
        summary="Delete a document",
        answer=None,
        status=204,
        parameters=[ID],
    )
    def destroy(self, request: Request, name: str, id: str) -> Response:  # noqa: A002
        """Its text, its metadata and its vectors."""
        collection = visible_collection(
            principal=principal_of(request), name=name, action=Action.WRITE
        )
        delete_document(collection=collection, external_id=id)
        return Response(status=204)

    @operation(
        "documents_delete_many",
        summary="Delete the documents that a filter lets through",
        request=DeleteRequest,
        request_examples={"How many would go": {"filter": {"draft": True}, "dry_run": True}},
        answer=DeleteResponse,
        example={"deleted": 2, "dry_run": True, "sample": ["guide/1", "guide/2"]},
    )
    def destroy_many(self, request: Request, name: str) -> Response:
        """In one transaction; a dry run first tells which."""
        data = validated(DeleteRequest, request.data)
        collection = visible_collection(
            principal=principal_of(request), name=name, action=Action.WRITE
        )
        result = delete_documents(
            collection=collection, metadata_filter=data["filter"], dry_run=data["dry_run"]
        )
        return Response(delete_json(result))

    def _detail(self, collection: Collection, document: Document) -> Response:
        spans = document_spans(collection=collection, document=document)
        return Response(detail_json(document, spans))
