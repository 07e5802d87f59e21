"""Imports in the console: a file's first rows are shown, then it is imported as a job."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from rest_framework.exceptions import ValidationError

from accounts.console_page import ConsolePage, console_page, principal_of_session
from accounts.exceptions import Problem
from accounts.policy import Action
from embeddings.admin.document_forms import CONFLICTS, named_collection, open_collection
from embeddings.admin.faults import errors_of
from embeddings.constants import OnConflict
from embeddings.exceptions import InvalidRequest
from embeddings.models import Collection
from embeddings.readers.upload import read_body
from embeddings.serializers.base import validated
from embeddings.serializers.imports import ImportQuery
from embeddings.services.import_preview import preview_import
from embeddings.services.imports import Kind, start_import

HEAD_BYTES = 256 * 1024
"""Of a file are looked at before it is imported; documents.js sends no more."""

KINDS: dict[str, Kind] = {
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".csv": "csv",
    ".json": "json",
}


class Upload:
    """What the query string says of the file in the body."""

    def __init__(self, request: HttpRequest) -> None:
        """Raises NotFound, ActionForbidden, InvalidRequest, UnreadableImport, ValidationError."""
        name = request.GET.get("name", "").lower()
        self.gzip = name.endswith(".gz")
        self.kind = _kind(name.removesuffix(".gz"))
        self.collection: Collection = open_collection(
            request, request.GET.get("collection", ""), Action.WRITE
        )
        given = {key: request.GET[key] for key in ("on_conflict", "columns") if key in request.GET}
        self.query = validated(ImportQuery, given)


@console_page
class ImportPage(ConsolePage):
    """The file is the body of the request, which is read as it comes: it may be larger than
    memory.
    """

    path = "documents/import/"
    name = "documents_import"
    title = "Import documents"
    action = Action.WRITE
    template_name = "console/documents_import.html"
    streams_body = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The collection that a link names."""
        return super().get_context_data(
            collection=named_collection(self.request, self.action),
            conflicts=[(mode.value, label) for mode, label in CONFLICTS.items()],
            endings=",".join([*KINDS, ".gz"]),
            head_bytes=HEAD_BYTES,
            **kwargs,
        )

    def post(self, request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
        """Where the job is to be watched, or why there is none."""
        try:
            upload = Upload(request)
            job = start_import(
                owner_id=principal_of_session(request).user_id,
                collection=upload.collection,
                chunks=read_body(request.read, length=request.META.get("CONTENT_LENGTH")),
                gzip=upload.gzip,
                kind=upload.kind,
                on_conflict=OnConflict(upload.query["on_conflict"]),
                columns=upload.query.get("columns"),
            )
        except (Problem, ValidationError) as fault:
            return JsonResponse({"detail": _told(fault)}, status=400)
        url = reverse("admin:embeddings_job_change", args=[job.pk])
        return JsonResponse({"location": url}, status=201)


@console_page
class PreviewPage(ConsolePage):
    """The beginning of a file, as it would be imported."""

    path = "documents/import/preview/"
    name = "documents_import_preview"
    title = "Preview of an import"
    action = Action.WRITE
    template_name = "console/documents_preview.html"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
        """A part of the page of imports."""
        try:
            upload = Upload(request)
            shown = preview_import(
                collection=upload.collection,
                head=request.body[:HEAD_BYTES],
                is_whole="whole" in request.GET,
                gzip=upload.gzip,
                kind=upload.kind,
                columns=upload.query.get("columns"),
            )
        except (Problem, ValidationError) as fault:
            return self.render_to_response({"fault": _told(fault)})
        return self.render_to_response({"preview": shown, "collection": upload.collection})


def _kind(name: str) -> Kind:
    for ending, kind in KINDS.items():
        if name.endswith(ending):
            return kind
    raise InvalidRequest(
        param="name", detail=f"Choose a file that ends in {', '.join(KINDS)}, each also with .gz."
    )


def _told(fault: Problem | ValidationError) -> str:
    return " ".join(detail for _, detail in errors_of(fault))
