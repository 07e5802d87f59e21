"""Answers 503 at once while as many requests are being answered as there are threads for."""

import threading
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from embedsite.errors import problem_response
from embedsite.middleware import QUIET_PATHS
from embedsite.problems import Overloaded

SPARE_SHARE = 8
"""One thread in so many answers nothing but that there are too many requests: without a thread
that is free, a connection would wait, unanswered, until a text is embedded."""


class Admission:
    """Among the innermost middleware, so that a refusal is spoken in the view's dialect, counted
    and logged like any answer. Health and metrics are always answered.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response
        threads = settings.EMBED.threads
        self._places = threading.BoundedSemaphore(max(1, threads - max(1, threads // SPARE_SHARE)))

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not self._places.acquire(blocking=False):
            request.is_refused = True  # type: ignore[attr-defined]
            return self._get_response(request)
        try:
            return self._get_response(request)
        finally:
            self._places.release()

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        """Django calls it before the view, whose place it takes with an answer."""
        if not getattr(request, "is_refused", False) or request.path_info.startswith(QUIET_PATHS):
            return None
        return problem_response(request, Overloaded())
