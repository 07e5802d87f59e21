"""Chooses the renderer of an answer."""

from collections.abc import Iterable
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class AcceptNegotiation(DefaultContentNegotiation):
    """By the header `Accept` alone, without a look at the query string; it takes no time where the
    caller takes anything or what the view renders first, as nearly all do.
    """

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        """The renderer and its media type. Raises NotAcceptable."""
        first = next(iter(renderers))
        if request.META.get("HTTP_ACCEPT", "*/*") in ("*/*", first.media_type):
            return first, first.media_type
        chosen: tuple[BaseRenderer, Any] = super().select_renderer(
            request, renderers, format_suffix
        )
        return chosen
