"""JSON in and out of the operations that are called most, by a shorter way than Django REST
framework's, which takes as long as what many of them do.
"""

import json
from typing import Any

import orjson
from django.http import HttpResponse
from rest_framework.request import Request

OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_UTC_Z


def json_of(request: Request) -> Any:
    """What `request.data` would be, without a search for who can read it; to be asked once. Raises
    what that does.
    """
    meta, parsers = request.META, request.parsers
    is_empty = meta.get("CONTENT_LENGTH", "0") in ("", "0")
    if is_empty or not parsers or meta.get("CONTENT_TYPE") != parsers[0].media_type:
        return request.data
    return parsers[0].parse(request)  # type: ignore[arg-type] # all that is asked of it is `read`


def json_response(values: Any) -> HttpResponse:
    """The values as JSON, for a view that renders nothing else."""
    return HttpResponse(dump_json(values), content_type="application/json")


def dump_json(values: Any) -> bytes:
    """The values as JSON, numpy arrays included; NaN can't appear, orjson writes null for it."""
    try:
        return orjson.dumps(values, option=OPTIONS)
    except TypeError:
        # An integer beyond 64 bits: PostgreSQL gives 1e22, that a caller stored, as digits.
        return json.dumps(values, allow_nan=False, default=_plain).encode()


def _plain(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value, option=OPTIONS))
