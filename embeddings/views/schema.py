"""The API's description: OpenAPI, and Swagger UI from this machine."""

from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiJsonRenderer2,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

# Every script is a file from here, and so is every style but drf-spectacular's own few lines.
STYLE_OF_THE_PAGE = "sha256-MMpT0iDxyjALd9PdfepImGX3DBfJPXZ4IlDWdPAgtn0="
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; script-src 'self'; style-src 'self' '{STYLE_OF_THE_PAGE}';"
    " img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)


class SchemaView(SpectacularAPIView):
    """The OpenAPI document, JSON unless `Accept` asks for YAML."""

    renderer_classes = [
        OpenApiJsonRenderer2,
        OpenApiYamlRenderer2,
        OpenApiJsonRenderer,
        OpenApiYamlRenderer,
    ]

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ARG002
        """The document, made once: it takes half a second, and strangers may ask for it."""
        return Response(openapi_document())


class DocsView(SpectacularSwaggerSplitView):
    """Swagger UI."""

    url = "/v1/schema"

    def finalize_response(self, *args: Any, **kwargs: Any) -> Response:
        """The page, which may run no script but this server's files."""
        response: Response = super().finalize_response(*args, **kwargs)
        response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response


@cache
def openapi_document() -> dict[str, Any]:
    """The OpenAPI document of the newest version."""
    document: dict[str, Any] = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    return document
