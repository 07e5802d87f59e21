"""Request bodies: JSON through orjson, with its nesting bounded."""

import json
import math
from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.conf import settings
from rest_framework.parsers import BaseParser

from embedsite.problems import InvalidFields, InvalidJson


class OrjsonParser(BaseParser):
    """JSON in UTF-8. Of a repeated key the last one counts, as in most readers of JSON."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,  # noqa: ARG002 - the interface
        parser_context: Mapping[str, Any] | None = None,  # noqa: ARG002 - the interface
    ) -> Any:
        """The value. Raises InvalidJson, and InvalidFields where the field at fault is known."""
        return load_json(stream.read(), max_depth=settings.EMBED.max_json_depth)


def load_json(body: bytes, *, max_depth: int) -> Any:
    """The value of the body. Raises InvalidJson and InvalidFields."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if fault := _field_at_fault(body):
            raise InvalidFields([fault]) from None
        place = f"see line {error.lineno}, column {error.colno}."
        raise InvalidJson(reason=place) from None
    if is_deeper(value, max_depth, body=body):
        raise InvalidJson(reason=f"it nests deeper than {max_depth} levels.")
    return value


def is_deeper(value: Any, max_depth: int, *, body: bytes) -> bool:
    """Whether lists and objects nest deeper than `max_depth`."""
    if body.count(b"[") + body.count(b"{") <= max_depth:
        return False  # the usual case, and cheap: a vector's numbers need not be looked at
    level = [value]
    for _ in range(max_depth):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return False
    return True


def _field_at_fault(body: bytes) -> dict[str, str] | None:
    """The first value that only a lenient reader takes for JSON: NaN, an infinity, a number beyond
    float64, a lone surrogate.
    """
    try:
        return _fault(json.loads(body), "")
    except (ValueError, RecursionError):
        return None


def _fault(value: Any, path: str) -> dict[str, str] | None:
    if isinstance(value, float) and not math.isfinite(value):
        return _entry(path, "not_finite", "NaN, infinities and numbers beyond float64 are no JSON.")
    if isinstance(value, str) and not _is_unicode(value):
        return _entry(path, "unstorable", "The string holds a lone surrogate. Remove it.")
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            place = f"{path}.{key}" if path else str(key)
            if fault := _fault(inner, place[:200]) or _fault(key, place[:200]):
                return fault
    return None


def _entry(path: str, code: str, detail: str) -> dict[str, str]:
    return {"param": path or "body", "code": code, "detail": detail}


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
