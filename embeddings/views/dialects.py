"""Errors as the clients of other services read them: a view names its dialect, and the one error
handler answers in it.
"""

from typing import Any, Literal

from django.http import HttpRequest
from rest_framework.request import Request

from accounts.exceptions import Problem

Dialect = Literal["openai", "cohere", "jina", "tei"]
Body = dict[str, Any] | None

ERROR_TYPES = {429: "rate_limit_error", 403: "permission_error"}
"""OpenAI's `type`, where it is neither a fault of the request nor of the server."""

RENAMED = {"unknown_model": (404, "model_not_found")}
"""Status and code of what OpenAI itself calls otherwise."""

TEI_TYPES = {424: "Backend", 429: "Overloaded", 500: "Backend", 503: "Unhealthy"}
TEI_EMPTY = frozenset({"empty_input", "empty_text"})
TEI_UNREADABLE = frozenset({"malformed", "invalid_json"})
TEI_OVERLOADED = frozenset({"engine_overloaded", "overloaded"})
TEI_WRONG_KIND = frozenset({"wrong_model_kind", "no_vocabulary"})
"""Codes that text-embeddings-inference gives a status of their own; other 400s are its 422."""


def speak(request: Request, dialect: Dialect) -> None:
    """Answer errors of this request in the dialect. For views on a path that dialects share; the
    others name theirs as the class attribute `dialect`.
    """
    request._request.dialect = dialect  # type: ignore[attr-defined]


def dialect_of(request: HttpRequest) -> Dialect | None:
    """What the request or its view speaks; None for problem documents."""
    view = getattr(request.resolver_match, "func", None)
    of_view = getattr(getattr(view, "cls", None), "dialect", None)
    dialect: Dialect | None = getattr(request, "dialect", of_view)
    return dialect


def in_dialect(problem: Problem, dialect: Dialect) -> tuple[int, Body]:
    """Status and body of the problem; no body is an empty one."""
    errors = problem.errors
    detail, param = problem.detail, errors[0]["param"] if errors else None
    if len(errors) > 1:  # there is no list of them here
        detail = " ".join(f"{error['param']}: {error['detail']}" for error in errors)
    return render_error(
        dialect, status=problem.status, code=problem.code, detail=detail, param=param
    )


def render_error(
    dialect: Dialect, *, status: int, code: str, detail: str, param: str | None = None
) -> tuple[int, Body]:
    """Status and body of an error; no body is an empty one."""
    if dialect == "tei":
        return _tei(status, code, detail)
    if dialect == "openai":
        status, code = RENAMED.get(code, (status, code))
        # Its client repeats whatever is answered 409, and nothing here changes by repeating.
        status = 400 if status == 409 else status
    kind = "server_error" if status >= 500 else "invalid_request_error"
    error = {
        "message": detail,
        "type": ERROR_TYPES.get(status, kind),
        "param": param,
        "code": code,
    }
    # OpenAI's clients read `error`, Cohere's `message`, Jina's `detail`.
    return status, {"error": error, "message": detail, "detail": detail}


def _tei(status: int, code: str, detail: str) -> tuple[int, Body]:
    if status == 401:
        return status, None
    if code in TEI_OVERLOADED:
        status = 429
    elif code in TEI_WRONG_KIND:
        status = 424
    elif status == 400 and code not in TEI_EMPTY | TEI_UNREADABLE:
        status = 422
    kind = "Empty" if code in TEI_EMPTY else TEI_TYPES.get(status, "Validation")
    return status, {"error": detail, "error_type": kind}
