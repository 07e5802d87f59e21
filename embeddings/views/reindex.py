"""A collection's HNSW index, built anew."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.exceptions import ActionForbidden
from accounts.permissions import principal_of
from accounts.policy import Action
from embeddings.serializers.base import validated
from embeddings.serializers.collection import ReindexRequest
from embeddings.serializers.jobs import JobResponse, job_json
from embeddings.services.collection import visible_collection
from embeddings.services.index import UNCHANGED, start_reindex
from embeddings.views.jobs import EXAMPLE
from embeddings.views.operations import operation

QUEUED = EXAMPLE | {
    "kind": "reindex",
    "state": "queued",
    "done": 0,
    "total": None,
    "rate": None,
    "result": {},
    "refused": [],
    "started_at": None,
}


class ReindexViewSet(ViewSet):
    """One build of a collection's index at a time."""

    actions = {"create": Action.OPERATE}

    @operation(
        "collection_reindex",
        summary="Build a collection's index anew, as a job",
        request=ReindexRequest,
        request_examples={
            "As it is": {},
            "More exact": {"index": {"m": 24, "ef_construction": 128}},
        },
        answer=JobResponse,
        status=202,
        example=QUEUED,
        errors=(401, 403, 404, 409),
    )
    def create(self, request: Request, name: str) -> Response:
        """The present index serves until the new one takes its place. A collection without an
        index gets one, however small it is. While a build runs, another is refused.
        """
        change = validated(ReindexRequest, request.data).get("index", UNCHANGED)
        collection = visible_collection(
            principal=principal_of(request), name=name, action=Action.OPERATE
        )
        if collection.row_filter is not None:  # the index is of all documents, and tells how many
            raise ActionForbidden(action=Action.OPERATE.value, collection=name)
        job = start_reindex(collection=collection, change=change)
        return Response(job_json(job), status=202, headers={"Location": f"/v1/jobs/{job.pk}"})
