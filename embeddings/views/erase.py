"""Erasing documents and users for good, with a report of what is gone and what is not."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.permissions import admin_of, principal_of
from accounts.policy import Action
from embeddings.serializers.base import validated
from embeddings.serializers.erase import (
    EraseRequest,
    EraseUserRequest,
    ErasureResponse,
    erasure_json,
)
from embeddings.services.collection import visible_collection
from embeddings.services.erase import count_erasable, erase_documents
from embeddings.services.erase_remainders import BACKUPS
from embeddings.services.erase_user import erase_user
from embeddings.types.erase import Erasure
from embeddings.views.operations import operation

EXAMPLE = erasure_json(
    Erasure(documents=2, chunks=5, lines=1, queries=12, vectors=7, searches=3, remains=[BACKUPS])
)
USER_EXAMPLE = erasure_json(
    Erasure(jobs=4, vectors=880, collections=1, tokens=2, grants=3, remains=[BACKUPS])
)


class EraseViewSet(ViewSet):
    """For whoever manages the collection."""

    actions = {"create": Action.MANAGE}

    @operation(
        "erase",
        summary="Erase documents for good",
        request=EraseRequest,
        request_examples={
            "Two documents": {"ids": ["guide/1", "guide/2"]},
            "All of a customer": {"filter": {"customer": 42}},
            "How many would go": {"filter": {"customer": 42}, "dry_run": True},
        },
        answer=ErasureResponse,
        example=EXAMPLE,
    )
    def create(self, request: Request, name: str) -> Response:
        """What a delete ends, and what is kept besides: lines that wait to be imported, reasons of
        refusals, cached vectors and searches, recorded queries. `remains` says what is not erased,
        and what ends it.
        """
        data = validated(EraseRequest, request.data)
        principal = principal_of(request)
        collection = visible_collection(principal=principal, name=name, action=Action.MANAGE)
        which = {"ids": data.get("ids"), "metadata_filter": data.get("filter")}
        if data["dry_run"]:
            counted = Erasure(documents=count_erasable(collection=collection, **which))
            return Response(erasure_json(counted, dry_run=True))
        erasure = erase_documents(collection=collection, **which)
        if not principal.may(Action.OPERATE):
            erasure.vectors = None  # others have embedded the same texts, or nobody has
        return Response(erasure_json(erasure))


class EraseUserViewSet(ViewSet):
    """For administrators."""

    actions = {"create": Action.ADMINISTER}

    @operation(
        "users_erase",
        summary="Erase a user for good",
        request=EraseUserRequest,
        request_examples={
            "Another owner": {"transfer_to": "alice"},
            "With the collections": {"delete_collections": True},
        },
        answer=ErasureResponse,
        example=USER_EXAMPLE,
        errors=(401, 403, 404, 409),
    )
    def create(self, request: Request, username: str) -> Response:
        """The account with its tokens, logins, grants, jobs, recorded queries and cached vectors.
        To shut an account and keep it, deactivate it.
        """
        principal = admin_of(request)
        data = validated(EraseUserRequest, request.data)
        return Response(erasure_json(erase_user(principal=principal, username=username, **data)))
