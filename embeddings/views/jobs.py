"""Background jobs: list, show, cancel."""

import uuid

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.permissions import principal_of
from accounts.policy import Action
from embeddings.constants import JobKind, JobState
from embeddings.serializers.base import validated
from embeddings.serializers.jobs import (
    JobQuery,
    JobResponse,
    JobsResponse,
    job_in_list_json,
    job_json,
    job_key,
)
from embeddings.serializers.paging import page
from embeddings.services.job_retry import retry_job
from embeddings.services.jobs import cancel_job, get_job, list_jobs
from embeddings.views.operations import operation

IN_LIST = {
    "id": "0b6d8a52-6c0f-4e0e-9a6e-0d6f3f0a8c11",
    "kind": "import",
    "state": "running",
    "owner": "alice",
    "collection": "articles",
    "done": 5120,
    "total": 63905,
    "rate": 403.2,
    "result": {"added": 5118, "updated": 0, "unchanged": 0, "truncated": 12, "refused": 2},
    "error": "",
    "attempts": 1,
    "request_id": "5f0c9e0b6a7d4f6c9a5d1f3f0b7c2a1e",
    "created_at": "2026-11-22T09:00:00Z",
    "started_at": "2026-11-22T09:00:01Z",
    "finished_at": None,
}
EXAMPLE = IN_LIST | {
    "refused": [
        {
            "line": 17,
            "param": "text",
            "code": "empty_text",
            "detail": "The text is empty. Send at least one character that is not white space.",
        }
    ]
}


class JobViewSet(ViewSet):
    """The caller's own jobs and those on its collections; operators see and steer all."""

    actions = {
        "list": Action.READ,
        "retrieve": Action.READ,
        "cancel": Action.OPERATE,
        "retry": Action.OPERATE,
    }

    @operation(
        "jobs_list",
        summary="Background jobs, newest first",
        query=JobQuery,
        answer=JobsResponse,
        example={"jobs": [IN_LIST], "next_cursor": None},
        errors=(401,),
    )
    def list(self, request: Request) -> Response:
        """Without the refused lines of imports, which a single job shows."""
        query = validated(JobQuery, request.query_params.dict())
        rows = list_jobs(
            principal=principal_of(request),
            state=JobState(query["state"]) if "state" in query else None,
            kind=JobKind(query["kind"]) if "kind" in query else None,
            collection=query.get("collection"),
            after=query.get("cursor"),
            limit=query["limit"] + 1,
        )
        shown, cursor = page(rows, limit=query["limit"], key=job_key)
        return Response({"jobs": [job_in_list_json(job) for job in shown], "next_cursor": cursor})

    @operation(
        "jobs_retrieve",
        summary="Show a job",
        answer=JobResponse,
        example=EXAMPLE,
        errors=(401, 404),
    )
    def retrieve(self, request: Request, id: uuid.UUID) -> Response:  # noqa: A002
        """Its progress, its result, and what went wrong."""
        return Response(job_json(get_job(principal=principal_of(request), job_id=id)))

    @operation(
        "jobs_cancel",
        summary="Cancel a job",
        answer=JobResponse,
        example=EXAMPLE | {"state": "cancelled"},
        errors=(401, 404, 409),
    )
    def cancel(self, request: Request, id: uuid.UUID) -> Response:  # noqa: A002
        """At once; what it has stored stays. A finished job answers 409."""
        job = get_job(principal=principal_of(request), job_id=id, action=Action.OPERATE)
        return Response(job_json(cancel_job(job=job)))

    @operation(
        "jobs_retry",
        summary="Retry a job",
        answer=JobResponse,
        example=EXAMPLE | {"state": "queued", "attempts": 0},
        errors=(401, 404, 409),
    )
    def retry(self, request: Request, id: uuid.UUID) -> Response:  # noqa: A002
        """One that failed or is parked goes on where it stopped, as its owner may now. Any other
        answers 409, and so does one whose input is not kept any more, as that of a failed import.
        """
        job = get_job(principal=principal_of(request), job_id=id, action=Action.OPERATE)
        return Response(job_json(retry_job(job=job)))
