"""The documents of a collection as a file."""

from collections.abc import Mapping
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from accounts.permissions import principal_of
from accounts.policy import Action
from embeddings.serializers.base import validated
from embeddings.serializers.export import CSV, NDJSON, ExportQuery, export_pieces
from embeddings.services.collection import visible_collection
from embeddings.services.export import export_documents
from embeddings.views.operations import operation

LINES = '{"id":"guide/1","text":"How to brew green tea.","metadata":{"lang":"en"}}\n'

TABLE = 'id,text,metadata\r\nguide/1,How to brew green tea.,"{""lang"":""en""}"\r\n'


class NdjsonRenderer(BaseRenderer):
    """Names the media type: the answer is streamed."""

    media_type = NDJSON
    format = "ndjson"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Nothing is ever rendered: errors have a media type of their own."""
        raise NotImplementedError


class CsvRenderer(NdjsonRenderer):
    """The same for CSV."""

    media_type = CSV
    format = "csv"


class ExportViewSet(ViewSet):
    """It may be larger than memory: it is read and sent in batches."""

    actions = {"list": Action.READ}
    renderer_classes = [NdjsonRenderer, CsvRenderer]

    @extend_schema(
        examples=[
            OpenApiExample(media_type, value=value, response_only=True, media_type=media_type)
            for media_type, value in {NDJSON: LINES, CSV: TABLE}.items()
        ]
    )
    @operation(
        "export",
        summary="Export documents as lines of JSON or as CSV",
        query=ExportQuery,
        answer={"type": "string"},
        errors=(401, 403, 404),
    )
    def list(self, request: Request, name: str) -> StreamingHttpResponse:
        """Those that you see, or of them those that a filter lets through, in the form in which
        `import` takes them. A document that is there throughout comes exactly once, whatever is
        written meanwhile. With `Accept: text/csv` as CSV, where a text that a spreadsheet would
        take for a formula stands behind an apostrophe. An answer that breaks off is not whole.
        """
        query = validated(ExportQuery, request.query_params.dict())
        collection = visible_collection(
            principal=principal_of(request), name=name, action=Action.READ
        )
        batches = export_documents(
            collection=collection, metadata_filter=query.get("filter"), vectors=query["vectors"]
        )
        media_type = request.accepted_renderer.media_type
        pieces = export_pieces(batches, media_type=media_type, vectors=query["vectors"])
        return StreamingHttpResponse(pieces, content_type=media_type)
