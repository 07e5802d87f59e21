"""Answers as JSON."""

from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import BaseRenderer

from embeddings.views.json import dump_json


class OrjsonRenderer(BaseRenderer):
    """JSON in UTF-8."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,  # noqa: ARG002 - the interface
        renderer_context: Mapping[str, Any] | None = None,  # noqa: ARG002 - the interface
    ) -> bytes:
        """The bytes of the answer's body; none for an answer without one."""
        return b"" if data is None else dump_json(data)
