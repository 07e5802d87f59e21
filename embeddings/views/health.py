"""Health, as Kubernetes asks for it."""

from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.policy import Action
from accounts.principal import Principal
from embeddings.serializers.health import HealthResponse
from embeddings.services.health import readiness
from embeddings.views.operations import operation

EXAMPLE = {"status": "ok"}
RETRY_AFTER_S = "5"


class HealthViewSet(ViewSet):
    """Public, with details for operators only."""

    permission_classes = [AllowAny]

    @operation(
        "health",
        summary="Whether the service can serve; for operators, what it depends on",
        answer=HealthResponse,
        example=EXAMPLE,
        errors=(),
        public=True,
    )
    def retrieve(self, request: Request) -> Response:
        """503 while the database, its schema or the default model is missing."""
        checks = readiness()
        healthy = all(checks.values())
        body: dict[str, object] = {"status": "ok" if healthy else "unavailable"}
        if isinstance(request.auth, Principal) and request.auth.may(Action.OPERATE):
            body["checks"] = checks
        if healthy:
            return Response(body)
        return Response(body, status=503, headers={"Retry-After": RETRY_AFTER_S})


class LivenessViewSet(ViewSet):
    """Public; asks nobody but this process."""

    authentication_classes = []
    permission_classes = [AllowAny]

    @operation(
        "health_live",
        summary="Whether the process answers; restart it if not",
        answer=HealthResponse,
        example=EXAMPLE,
        errors=(),
        public=True,
    )
    def retrieve(self, request: Request) -> Response:  # noqa: ARG002 - any request will do
        """Stays good while a dependency is down: a restart would not help."""
        return Response({"status": "ok"})


class ReadinessViewSet(ViewSet):
    """Public; what a load balancer asks."""

    authentication_classes = []
    permission_classes = [AllowAny]

    @operation(
        "health_ready",
        summary="Whether to send requests here",
        answer=HealthResponse,
        example=EXAMPLE,
        errors=(),
        public=True,
    )
    def retrieve(self, request: Request) -> Response:  # noqa: ARG002 - any request will do
        """503 while the database, its schema or the default model is missing."""
        if all(readiness().values()):
            return Response({"status": "ok"})
        return Response(
            {"status": "unavailable"}, status=503, headers={"Retry-After": RETRY_AFTER_S}
        )
