"""Every error as one RFC 9457 problem document, or in its view's dialect, whoever raised it."""

import sys
from collections.abc import Iterator
from typing import Any

import django.core.exceptions
import django.db
import orjson
import psycopg.errors
import structlog
from django.conf import settings
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.views import defaults
from rest_framework import exceptions
from rest_framework.request import Request

from accounts.authentication import CHALLENGE
from accounts.exceptions import Problem
from embeddings.exceptions import NotFound
from embeddings.views.dialects import dialect_of, in_dialect
from embedsite.browsers import BROWSER_PATHS
from embedsite.denials import note_denial
from embedsite.headers import CONSOLE_PATH
from embedsite.problems import (
    BodyTooLarge,
    DatabaseUnavailable,
    Forbidden,
    InternalError,
    InvalidFields,
    Malformed,
    MethodNotAllowed,
    NotAcceptable,
    NotAuthenticated,
    RefusedByDatabase,
    TookTooLong,
    TooManyAttempts,
    UnsupportedMediaType,
    values_of,
)

MEDIA_TYPE = "application/problem+json"
WHOLE_BODY = "body"
"""The `param` of a fault that lies in no single field."""

MAX_ERRORS = 100
MAX_DETAIL_CHARS = 500
"""An answer repeats no more than this of what the caller sent."""

BY_STATUS: dict[int, type[Problem]] = {
    400: Malformed,
    401: NotAuthenticated,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    406: NotAcceptable,
    415: UnsupportedMediaType,
}

BY_TYPE: tuple[tuple[type[Exception], type[Problem]], ...] = (
    (Http404, NotFound),
    (django.core.exceptions.PermissionDenied, Forbidden),
    (django.core.exceptions.SuspiciousOperation, Malformed),
    (django.core.exceptions.BadRequest, Malformed),
    (UnreadablePostError, Malformed),
    (django.db.OperationalError, DatabaseUnavailable),
    (django.db.InterfaceError, DatabaseUnavailable),
    (django.db.DataError, RefusedByDatabase),
)

log = structlog.stdlib.get_logger("embedsite.errors")


def exception_handler(exception: Exception, context: dict[str, Any]) -> HttpResponseBase:
    """What Django REST framework answers when a view raises."""
    request: Request = context["request"]
    problem = as_problem(exception)
    if isinstance(problem, InternalError | DatabaseUnavailable | RefusedByDatabase):
        log.error("request_failed", code=problem.code, exc_info=exception)
    if isinstance(problem, InternalError):
        got_request_exception.send(sender=None, request=request._request)
    note_denial(request._request, problem)
    return problem_response(request._request, problem)


def as_problem(exception: Exception) -> Problem:
    """The problem that the caller sees; InternalError for whatever nobody meant to raise."""
    match exception:
        case Problem():
            return exception
        case exceptions.ValidationError():
            return InvalidFields(list(_entries(exception.detail))[:MAX_ERRORS])
        case exceptions.APIException() if exception.status_code in BY_STATUS:
            return BY_STATUS[exception.status_code]()
        case django.core.exceptions.RequestDataTooBig():
            return BodyTooLarge(limit=settings.EMBED.max_body_bytes)
        case django.db.OperationalError() if isinstance(
            exception.__cause__, psycopg.errors.QueryCanceled
        ):
            return TookTooLong(seconds=settings.EMBED.request_timeout_s)
        case django.db.IntegrityError():
            refused = isinstance(exception.__cause__, psycopg.errors.CheckViolation)
            return RefusedByDatabase() if refused else InternalError()
    for kind, problem in BY_TYPE:
        if isinstance(exception, kind):
            return problem()
    return InternalError()


def problem_response(request: HttpRequest, problem: Problem) -> HttpResponse:
    """The problem document, or what the view's dialect has for it, with its status and headers."""
    headers = dict(problem.headers)
    if problem.status == 401:
        headers["WWW-Authenticate"] = CHALLENGE
    status, media_type = problem.status, MEDIA_TYPE
    values: dict[str, Any] | None
    if dialect := dialect_of(request):
        media_type = "application/json"
        status, values = in_dialect(problem, dialect)
    else:
        values = values_of(problem, request_id=getattr(request, "request_id", ""))
    # A detail may repeat a lone surrogate that its caller sent.
    text = b"" if values is None else orjson.dumps(_encodable(values))
    return HttpResponse(text, status=status, content_type=media_type, headers=headers)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's handler400."""
    if _is_for_people(request):
        return defaults.bad_request(request, exception)
    return problem_response(request, as_problem(exception))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Django's handler403."""
    if _is_for_people(request):
        note_denial(request, Forbidden())
        return defaults.permission_denied(request, exception)
    return problem_response(request, Forbidden())


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    """Django's handler404; also the last route, so that Django's own page stays away in DEBUG."""
    if _is_for_people(request):
        return defaults.page_not_found(request, exception or Http404())
    return problem_response(request, NotFound())


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Django's handler500, for what was raised outside of the API's views."""
    problem = as_problem(sys.exception() or InternalError())  # type: ignore[arg-type]
    if not _is_for_people(request):
        return problem_response(request, problem)
    if isinstance(problem, InternalError):
        page = render_to_string("500.html", {"request_id": getattr(request, "request_id", "")})
    else:
        page = render_to_string("problem.html", {"title": problem.title, "detail": problem.detail})
    return HttpResponse(page, status=problem.status, headers=problem.headers)


def locked_out(request: HttpRequest, *_: Any) -> HttpResponseBase:
    """What django-axes answers to a user who is locked at the address."""
    problem = TooManyAttempts(retry_after=settings.EMBED.login_lock_s)
    if request.path_info.startswith(BROWSER_PATHS):
        page = render_to_string("429.html", request=request)
        return HttpResponse(page, status=problem.status, headers=problem.headers)
    return problem_response(request, problem)


def _is_for_people(request: HttpRequest) -> bool:
    return request.path_info.startswith(CONSOLE_PATH)


def _entries(detail: Any, path: tuple[str, ...] = ()) -> Iterator[dict[str, str]]:
    """The errors that Django REST framework nests, each with the dotted path of its field."""
    if isinstance(detail, dict):
        for key, inner in detail.items():
            yield from _entries(inner, path if key == "non_field_errors" else (*path, str(key)))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            nested = not isinstance(inner, exceptions.ErrorDetail)
            yield from _entries(inner, (*path, str(index)) if nested else path)
    else:
        yield {
            "param": ".".join(path) or WHOLE_BODY,
            "code": detail.code,
            "detail": str(detail)[:MAX_DETAIL_CHARS],
        }


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if isinstance(value, dict):
        return {key: _encodable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_encodable(inner) for inner in value]
    return value
