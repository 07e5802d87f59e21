"""How an operation documents itself in OpenAPI: summary, examples and every error it may answer."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework.serializers import Serializer

from embeddings.serializers.base import RequestSerializer
from embeddings.serializers.dialects import SharedError, TeiError
from embeddings.serializers.problem import Problem
from embeddings.views.dialects import Dialect, render_error

Method = TypeVar("Method", bound=Callable[..., Any])
PROBLEM = "application/problem+json"
JSON = "application/json"

NAMED = (401, 403, 404)
"""Errors of operations on a collection or what is in it."""

UNAVAILABLE = "Come back after `Retry-After` seconds; where there is none, an operator is needed."

ERRORS: dict[int, tuple[str, str, str]] = {
    400: ("invalid", "Invalid request", "Something in the request is not valid."),
    401: ("not_authenticated", "Not authenticated", "There is no valid API token."),
    403: ("forbidden", "Forbidden", "Seen, but forbidden."),
    404: ("not_found", "Not found", "Absent, or not yours to see."),
    409: ("document_exists", "Conflict", "It is there already."),
    413: ("too_large", "Too large", "The body is over the limit."),
    415: ("unsupported_media_type", "Unsupported media type", "The body is not JSON."),
    429: ("rate_limited", "Too many requests", "Come back after `Retry-After` seconds."),
    503: ("engine_unavailable", "Service unavailable", UNAVAILABLE),
}


def operation(
    operation_id: str,
    *,
    summary: str,
    answer: type[Serializer[Any]] | PolymorphicProxySerializer | Mapping[str, Any] | None,
    status: int = 200,
    example: Any = None,
    request: type[RequestSerializer] | PolymorphicProxySerializer | None = None,
    request_examples: Mapping[str, Any] | None = None,
    query: type[RequestSerializer] | None = None,
    parameters: Sequence[OpenApiParameter] = (),
    errors: Sequence[int] = NAMED,
    public: bool = False,
    dialect: Dialect | None = None,
    csv: str | None = None,
) -> Callable[[Method], Method]:
    """The decorator of a view's method. `example` is the answer's; 400, 401, 429 and 503 are added
    to `errors` where they belong, which are those of the `dialect`. An `answer` that is no object
    is given as OpenAPI spells it; `csv` is an example of the same as CSV, where that is to be had.
    """
    statuses = {503, *errors}
    if not public:
        statuses |= {401, 429}
    if request or query:
        statuses |= {400}
    if request:
        statuses |= {413, 415}
    examples = [
        OpenApiExample(name, value=value, request_only=True)
        for name, value in (request_examples or {}).items()
    ]
    if answer is not None:
        examples.append(
            OpenApiExample("Answer", value=example, response_only=True, status_codes=[str(status)])
        )
    responses: dict[Any, Any] = {status: answer or OpenApiResponse(description="Done; no body.")}
    if csv is not None:
        shown = OpenApiExample("CSV", value=csv)
        as_csv = OpenApiResponse(OpenApiTypes.STR, examples=[shown])
        responses = {(status, JSON): answer, (status, "text/csv"): as_csv}
    if dialect is None:
        responses |= {(code, PROBLEM): _problem(code) for code in sorted(statuses)}
    else:
        responses |= dict(_in_dialect(code, dialect) for code in sorted(statuses))
    decorator: Callable[[Method], Method] = extend_schema(
        operation_id=operation_id,
        summary=summary,
        request=request,
        parameters=[*([query] if query else []), *parameters],
        responses=responses,
        examples=examples,
        auth=[] if public else None,
    )
    return decorator


def path_parameter(name: str, description: str) -> OpenApiParameter:
    """A string in the path."""
    return OpenApiParameter(name, OpenApiTypes.STR, OpenApiParameter.PATH, description=description)


def _problem(status: int) -> OpenApiResponse:
    code, title, description = ERRORS[status]
    example = OpenApiExample(
        title,
        value={
            "type": f"/v1/docs#error-{code}",
            "title": title,
            "status": status,
            "detail": description,
            "code": code,
            "request_id": "5f0c9e0b6a7d4f6c9a5d1f3f0b7c2a1e",
            "errors": [],
        },
    )
    return OpenApiResponse(Problem, description=description, examples=[example])


def _in_dialect(status: int, dialect: Dialect) -> tuple[tuple[int, str], OpenApiResponse]:
    code, title, description = ERRORS[status]
    status, body = render_error(dialect, status=status, code=code, detail=description)
    if body is None:
        return (status, JSON), OpenApiResponse(description=f"{description} No body.")
    shape = TeiError if dialect == "tei" else SharedError
    example = OpenApiExample(title, value=body)
    return (status, JSON), OpenApiResponse(shape, description=description, examples=[example])
