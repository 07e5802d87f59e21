"""Collections: list, make, show, change, delete."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.permissions import principal_of
from accounts.policy import Action
from embeddings.constants import Metric
from embeddings.serializers.base import validated
from embeddings.serializers.collection import (
    CollectionChange,
    CollectionQuery,
    CollectionRequest,
    CollectionResponse,
    CollectionsResponse,
    TransferRequest,
    collection_json,
    model_of,
)
from embeddings.serializers.paging import page
from embeddings.services.collection import (
    create_collection,
    delete_collection,
    list_collections,
    transfer_collection,
    update_collection,
    visible_collection,
)
from embeddings.services.index import UNCHANGED, index_job
from embeddings.services.row_filter import count_shown
from embeddings.types.chunking import NO_WISH
from embeddings.types.redaction import NO_REDACTION
from embeddings.views.operations import operation

EXAMPLE = {
    "name": "articles",
    "description": "Everything our editors wrote.",
    "model": "all-MiniLM-L6-v2",
    "dimensions": 384,
    "metric": "cosine",
    "count": 1204,
    "version": 17,
    "owner": "alice",
    "language": "english",
    "chunking": {"method": "sentences", "size": 254, "overlap": 0},
    "index": {"state": "none", "m": 16, "ef_construction": 128, "storage": "halfvec"},
    "metadata_schema": {"year": {"type": "number", "index": True, "required": False}},
    "metadata_indexes": {"year": "ready"},
    "redaction": None,
    "created_at": "2026-11-22T09:00:00Z",
    "updated_at": "2026-11-22T09:30:00Z",
}


class CollectionViewSet(ViewSet):
    """Named sets of documents."""

    actions = {
        "list": Action.READ,
        "create": Action.CREATE_COLLECTION,
        "retrieve": Action.READ,
        "partial_update": Action.MANAGE,
        "destroy": Action.MANAGE,
        "transfer": Action.MANAGE,
    }

    @operation(
        "collection_list",
        summary="The collections that you may see, by name",
        query=CollectionQuery,
        answer=CollectionsResponse,
        example={"collections": [EXAMPLE], "next_cursor": None},
        errors=(),
    )
    def list(self, request: Request) -> Response:
        """Page through the collections."""
        query = validated(CollectionQuery, request.query_params.dict())
        rows = list_collections(
            principal=principal_of(request),
            name=query.get("name"),
            prefix=query.get("prefix"),
            after=query.get("cursor"),
            limit=query["limit"] + 1,
        )
        shown, cursor = page(rows, limit=query["limit"], key=lambda row: row.name)
        counts = count_shown(collections=shown)
        collections = [collection_json(row, count=counts[row.pk]) for row in shown]
        return Response({"collections": collections, "next_cursor": cursor})

    @operation(
        "collection_create",
        summary="Make an empty collection",
        request=CollectionRequest,
        request_examples={
            "Articles": {
                "name": "articles",
                "description": "Everything our editors wrote.",
                "metadata_schema": {"year": {"type": "number", "index": True}, "lang": "string"},
            },
            "Letters, without what is personal in them": {
                "name": "letters",
                "redaction": {"entities": ["email", "phone", "iban"], "metadata": True},
            },
        },
        answer=CollectionResponse,
        status=201,
        example=EXAMPLE | {"count": 0, "version": 0},
        errors=(409,),
    )
    def create(self, request: Request) -> Response:
        """Its model, metric, language and chunking stay as they are chosen here."""
        data = validated(CollectionRequest, request.data)
        collection = create_collection(
            principal=principal_of(request),
            name=data["name"],
            model=model_of(data),
            metric=Metric(data["metric"]),
            description=data["description"],
            language=data["language"],
            chunking=data.get("chunking", NO_WISH),
            index=data.get("index", UNCHANGED),
            metadata_schema=data.get("metadata_schema"),
            redaction=data.get("redaction", NO_REDACTION),
        )
        location = f"/v1/collection/{collection.name}"
        return Response(
            collection_json(collection, count=0), status=201, headers={"Location": location}
        )

    @operation(
        "collection_retrieve",
        summary="Show a collection",
        answer=CollectionResponse,
        example=EXAMPLE,
    )
    def retrieve(self, request: Request, name: str) -> Response:
        """Its settings, its size and the state of its index."""
        collection = visible_collection(
            principal=principal_of(request), name=name, action=Action.READ
        )
        counts = count_shown(collections=[collection])
        return Response(collection_json(collection, count=counts[collection.pk]))

    @operation(
        "collection_update",
        summary="Rename or describe a collection, change its index, fields or redaction",
        request=CollectionChange,
        request_examples={
            "Rename": {"name": "essays"},
            "Declare a field, remove another": {
                "metadata_schema": {"published": "datetime", "year": None}
            },
            "Another index": {"index": {"m": 24, "ef_construction": 128}},
            "Redact addresses from now on": {"redaction": {"entities": ["email"]}},
        },
        answer=CollectionResponse,
        example=EXAMPLE | {"name": "essays"},
        errors=(403, 404, 409),
    )
    def partial_update(self, request: Request, name: str) -> Response:
        """Fields that are not sent stay as they are. A new index is built by a job, named in
        `Location`, while the present one serves.
        """
        data = validated(CollectionChange, request.data)
        collection = visible_collection(
            principal=principal_of(request), name=name, action=Action.MANAGE
        )
        collection = update_collection(collection=collection, **data)
        job = index_job(collection=collection) if "index" in data else None
        headers = {"Location": f"/v1/jobs/{job.pk}"} if job else {}
        counts = count_shown(collections=[collection])
        return Response(collection_json(collection, count=counts[collection.pk]), headers=headers)

    @operation(
        "collection_delete",
        summary="Delete a collection with all its documents",
        answer=None,
        status=204,
    )
    def destroy(self, request: Request, name: str) -> Response:
        """Gone for every reader at once."""
        collection = visible_collection(
            principal=principal_of(request), name=name, action=Action.MANAGE
        )
        delete_collection(collection=collection)
        return Response(status=204)

    @operation(
        "collection_transfer",
        summary="Give a collection to another user",
        request=TransferRequest,
        request_examples={"To Bob": {"owner": "bob"}},
        answer=CollectionResponse,
        example=EXAMPLE | {"owner": "bob"},
    )
    def transfer(self, request: Request, name: str) -> Response:
        """For its owner, to whom no more is left of it than is granted, and for administrators."""
        data = validated(TransferRequest, request.data)
        principal = principal_of(request)
        collection = visible_collection(principal=principal, name=name, action=Action.MANAGE)
        collection = transfer_collection(
            principal=principal, collection=collection, to=data["owner"]
        )
        counts = count_shown(collections=[collection])
        return Response(collection_json(collection, count=counts[collection.pk]))
