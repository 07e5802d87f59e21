"""What Prometheus scrapes."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django_prometheus.exports import ExportToDjangoView
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from accounts.exceptions import ActionForbidden
from accounts.permissions import DeclaredAction, principal_of
from accounts.policy import Action
from embeddings.services.telemetry import queue_exposition


class AnyAccept(BaseContentNegotiation):
    """A scraper asks for its own formats, of which we have the one that all of them read."""

    def select_parser(self, _request: Request, parsers: Any) -> Any:
        """None is needed."""
        return parsers[0]

    def select_renderer(self, _request: Request, renderers: Any, _suffix: Any = None) -> Any:
        """For the errors; the metrics are rendered already."""
        return renderers[0], renderers[0].media_type


class TelemetryViewSet(ViewSet):
    """For operators, or for everyone where the configuration says so."""

    schema = None
    content_negotiation_class = AnyAccept
    actions = {"retrieve": Action.OPERATE}

    def get_permissions(self) -> list[BasePermission]:
        """The option `metrics_public` opens the door."""
        return [AllowAny() if settings.EMBED.metrics_public else DeclaredAction()]

    def retrieve(self, request: Request) -> HttpResponse:
        """The text format. Raises ActionForbidden for whoever is no operator."""
        if not settings.EMBED.metrics_public and not principal_of(request).may(Action.OPERATE):
            raise ActionForbidden(action=Action.OPERATE.value)
        # It sums over the processes where `serve` gave them a folder to count in.
        response: HttpResponse = ExportToDjangoView(request)
        response.write(queue_exposition())
        return response
