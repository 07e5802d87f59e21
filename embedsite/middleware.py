"""The outermost middleware: request id, API version and access log; unknown methods end here."""

import os
import re
import time
from collections.abc import Callable
from http import HTTPStatus

import structlog
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponseBase

from accounts.actor import Actor, acting, identify
from accounts.addresses import client_address
from accounts.payer import bind_payer
from accounts.principal import Principal
from embeddings.afterwards import afterwards, answering
from embedsite.errors import problem_response
from embedsite.headers import CONSOLE_PATH
from embedsite.problems import MethodNotAllowed
from embedsite.versioning import VERSIONS

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
QUIET_PATHS = ("/health", "/metrics")
"""Asked by machines every few seconds; logged on DEBUG unless they break. What is not ready, the
service tells itself."""

log = structlog.stdlib.get_logger("embedsite.access")


def telemetry(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Wrap the whole of Django, so that errors and refusals are answered and logged alike."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        request_id = _request_id(request)
        request.request_id = request_id  # type: ignore[attr-defined]
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            known = request.method in METHODS
            # A stranger, until a credential proves otherwise.
            address = client_address(request)
            stranger = Actor(credential="", address=address, request_id=request_id)
            with acting(stranger), answering() as finish:
                response = get_response(request) if known else _refuse(request)
                seconds = time.perf_counter() - started
                afterwards(lambda: _record(request, response, seconds))
            response["X-Request-Id"] = request_id
            for name, value in getattr(request, "rate_headers", {}).items():
                response[name] = value
            response.headers.setdefault("API-Version", VERSIONS[-1])
            # When the server closes the answer, its caller has it.
            response._resource_closers.append(finish)  # type: ignore[attr-defined]
        finally:
            # The thread serves others next; whatever was bound on the way was this request's.
            structlog.contextvars.clear_contextvars()
            bind_payer(None)
        return response

    return middleware


def session_actor(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Name the person behind a session of the console; the API's callers name themselves."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith(CONSOLE_PATH) and request.user.is_authenticated:
            user = request.user
            identify(user_id=user.pk, username=user.username, credential="session")
        return get_response(request)

    return middleware


def _refuse(request: HttpRequest) -> HttpResponseBase:
    """django-prometheus labels its latency with the method as it was sent, and a metric must not
    grow with what strangers send."""
    response = problem_response(request, MethodNotAllowed())
    response["Allow"] = ", ".join(sorted(METHODS))
    return response


def _request_id(request: HttpRequest) -> str:
    given = request.META.get("HTTP_X_REQUEST_ID", "")
    return given if REQUEST_ID.fullmatch(given) else os.urandom(16).hex()


def _record(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    method = request.method if request.method in METHODS else "other"
    route = _route(request)
    status = response.status_code
    unavailable = status == HTTPStatus.SERVICE_UNAVAILABLE
    quiet = (status < 400 or unavailable) and request.path_info.startswith(QUIET_PATHS)
    slow_ms = settings.EMBED.slow_request_ms
    emit = log.debug if quiet else log.info
    if slow_ms and seconds * 1000 >= slow_ms:
        emit = log.warning
    if status >= 500 and not quiet:
        # Overload passes, and would flood the errors.
        emit = log.warning if unavailable else log.error
    emit(
        "request",
        method=method,
        route=route,
        status=status,
        took_ms=round(seconds * 1000, 2),
        bytes=None if response.streaming else len(response.content),  # type: ignore[attr-defined]
        user_id=_user_id(request),
    )


def _route(request: HttpRequest) -> str:
    """The route's name, never the path, which names what belongs to the callers."""
    match = request.resolver_match
    if match is not None:
        return match.view_name or match.route
    return "static" if request.path_info.startswith(settings.STATIC_URL) else "unmatched"


def _user_id(request: HttpRequest) -> int | str | None:
    """Who called, from what the request has loaded anyway: logging must cost no query."""
    principal = getattr(request, "auth", None)
    if isinstance(principal, Principal):
        return principal.user_id
    session = getattr(request, "session", None)
    return session.get(SESSION_KEY) if session is not None and session.accessed else None
