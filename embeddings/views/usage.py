"""What was used, by whom, and what it costs."""

from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.viewsets import ViewSet

from accounts.permissions import principal_of
from accounts.policy import Action
from embeddings.serializers.base import validated
from embeddings.serializers.usage import (
    UsageReportResponse,
    UsageRequest,
    usage_csv,
    usage_json,
    usage_query,
)
from embeddings.services.usage_report import usage_report
from embeddings.views.operations import operation

JSON: Any = api_settings.DEFAULT_RENDERER_CLASSES

AMOUNTS = {
    "requests": 1200,
    "tokens": 96000,
    "cached_tokens": 31000,
    "compute_ms": 8421.5,
    "documents": 400,
    "storage_gib_days": 0.211,
    "cost": 0.0013,
}
EXAMPLE = {
    "start": "2026-11-01",
    "end": "2026-11-22",
    "rows": [{"day": "2026-11-22", "model": "all-MiniLM-L6-v2", **AMOUNTS}],
    "total": AMOUNTS,
}


class UsageCsvRenderer(BaseRenderer):
    """For who asks for `text/csv`."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,  # noqa: ARG002 - the interface
        renderer_context: Mapping[str, Any] | None = None,  # noqa: ARG002 - the interface
    ) -> bytes:
        """The rows."""
        return usage_csv(data).encode()


class UsageViewSet(ViewSet):
    """The caller's own use; operators see everyone's."""

    actions = {"list": Action.USAGE}
    renderer_classes = [*JSON, UsageCsvRenderer]

    @operation(
        "usage",
        summary="What was used, summed by day, user, team, token, collection or model",
        query=UsageRequest,
        answer=UsageReportResponse,
        example=EXAMPLE,
        csv=usage_csv(EXAMPLE),
        errors=(401,),
    )
    def list(self, request: Request) -> Response:
        """Your own use; operators see everyone's. What other processes did in the last second may
        be missing. With `Accept: text/csv` the rows come as CSV.
        """
        query = usage_query(validated(UsageRequest, request.query_params.dict()))
        return Response(usage_json(usage_report(principal=principal_of(request), query=query)))
