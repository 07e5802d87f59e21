"""Whole files of documents into a collection."""

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.permissions import principal_of
from accounts.policy import Action
from embeddings.constants import OnConflict
from embeddings.exceptions import UnsupportedImport
from embeddings.readers.upload import read_body
from embeddings.serializers.base import validated
from embeddings.serializers.imports import ImportQuery
from embeddings.serializers.jobs import JobResponse, job_json
from embeddings.services.collection import visible_collection
from embeddings.services.imports import start_import
from embeddings.views.jobs import EXAMPLE
from embeddings.views.operations import operation

CSV = "text/csv"
MEDIA_TYPES = ("application/x-ndjson", "application/jsonl", CSV)
LINES = (
    '{"id": "guide/1", "text": "How to brew green tea.", "metadata": {"lang": "en"}}\n'
    '{"id": "guide/2", "text": "Coffee tastes bitter."}\n'
)


class ImportViewSet(ViewSet):
    """The body is read here, piece by piece: it may be larger than memory."""

    actions = {"create": Action.WRITE}
    streams_body = True

    @extend_schema(
        request={media_type: {"type": "string"} for media_type in MEDIA_TYPES},
        examples=[
            OpenApiExample(
                "Two documents", value=LINES, request_only=True, media_type=MEDIA_TYPES[0]
            )
        ],
    )
    @operation(
        "import",
        summary="Import lines of JSON or CSV as a job",
        query=ImportQuery,
        parameters=[
            OpenApiParameter(
                "Content-Encoding",
                str,
                OpenApiParameter.HEADER,
                enum=["gzip", "identity"],
                description="gzip is unpacked on the way in.",
            )
        ],
        answer=JobResponse,
        status=202,
        example=EXAMPLE | {"state": "queued", "done": 0, "result": {}, "refused": []},
        errors=(400, 401, 403, 404, 413, 415),
    )
    def create(self, request: Request, name: str) -> Response:
        """One document on each line, as in `/v1/add`; `_id` is its id, too, and a `title` goes
        before its text. Bad lines are refused singly and reported in the job; the others go in. A
        line without an id gets one made of its content. CSV in UTF-8 has a header; `columns` says
        which column is what. Cells of declared fields of the metadata become numbers, booleans or
        lists where they spell one, others are strings; a `line` of the job is then a row below the
        header.
        """
        query = validated(ImportQuery, request.query_params.dict())
        principal = principal_of(request)
        collection = visible_collection(principal=principal, name=name, action=Action.WRITE)
        job = start_import(
            owner_id=principal.user_id,
            collection=collection,
            chunks=read_body(request._request.read, length=request.META.get("CONTENT_LENGTH")),
            gzip=_is_gzip(request),
            on_conflict=OnConflict(query["on_conflict"]),
            kind="csv" if _media_type(request) == CSV else "ndjson",
            columns=query.get("columns"),
        )
        return Response(job_json(job), status=202, headers={"Location": f"/v1/jobs/{job.pk}"})


def _is_gzip(request: Request) -> bool:
    """Raises UnsupportedImport for a body that is neither of MEDIA_TYPES nor gzip of one."""
    encoding = request.headers.get("Content-Encoding", "").strip().lower() or "identity"
    if _media_type(request) not in MEDIA_TYPES or encoding not in ("identity", "gzip", "x-gzip"):
        raise UnsupportedImport(media_types=" or ".join(MEDIA_TYPES))
    return encoding != "identity"


def _media_type(request: Request) -> str:
    return request.content_type.partition(";")[0].strip().lower()
