"""Answers as JSON through orjson, numpy arrays included."""

import json
from collections.abc import Mapping
from typing import Any

import orjson
from rest_framework.renderers import BaseRenderer

OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_UTC_Z


class OrjsonRenderer(BaseRenderer):
    """JSON in UTF-8; NaN can't appear, orjson writes null for it."""

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


def dump_json(data: Any) -> bytes:
    """The value as JSON."""
    try:
        return orjson.dumps(data, option=OPTIONS)
    except TypeError:
        # An integer beyond 64 bits: PostgreSQL gives 1e22, that a caller stored, as digits.
        return json.dumps(data, allow_nan=False, default=_plain).encode()


def _plain(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value, option=OPTIONS))
