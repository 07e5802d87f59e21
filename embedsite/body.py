"""Bounds what a request may make the service read."""

import io
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from embedsite.errors import problem_response
from embedsite.problems import BodyTooLarge, LengthRequired, Malformed, UnsupportedEncoding


class BodyLimit:
    """Refuses a compressed body, and one over the limit before it is read, and gives a chunked one
    its length, which Django needs to read it.

    A view whose class says `streams_body = True` unpacks and limits by itself; one of the API
    reads a chunked body from `request._request`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, *_: Any) -> HttpResponseBase | None:
        """The refusal; None lets the request pass."""
        kind = getattr(view, "cls", None) or getattr(view, "view_class", None)
        # A form would be read for its token before anybody is asked who sends it.
        is_form = request.content_type == "multipart/form-data"
        streams = getattr(kind, "streams_body", False) and not is_form
        encoding = request.META.get("HTTP_CONTENT_ENCODING")
        if encoding and not streams and encoding.strip().lower() != "identity":
            return problem_response(request, UnsupportedEncoding(encoding=encoding[:40]))
        limit = settings.EMBED.max_body_bytes
        if "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
            return _open_chunked(request, limit=None if streams else limit)
        if not streams and _length(request) > limit:
            return problem_response(request, BodyTooLarge(limit=limit))
        return None


def _open_chunked(request: HttpRequest, *, limit: int | None) -> HttpResponseBase | None:
    if not request.META.get("wsgi.input_terminated"):
        return problem_response(request, LengthRequired())
    stream = request.META["wsgi.input"]
    if limit is not None:
        try:
            body = stream.read(limit + 1)
        except OSError:
            return problem_response(request, Malformed())
        if len(body) > limit:
            return problem_response(request, BodyTooLarge(limit=limit))
        request.META["CONTENT_LENGTH"] = str(len(body))
        stream = io.BytesIO(body)
    request._stream = stream
    return None


def _length(request: HttpRequest) -> int:
    text = request.META.get("CONTENT_LENGTH") or "0"
    return int(text) if text.isdecimal() else 0
