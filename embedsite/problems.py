"""Errors that the web layer itself raises or makes of others' exceptions."""

from typing import Any

from accounts.exceptions import Problem


class HttpProblem(Problem):
    """The request could not be served."""

    @property
    def headers(self) -> dict[str, str]:
        """Overload and outages always say when to come back."""
        waits = {"Retry-After": "5"} if self.status in (429, 503) else {}
        return waits | super().headers


class Malformed(HttpProblem):
    """The request is not well formed."""

    status = 400
    code = "malformed"
    title = "Invalid request"


class InvalidJson(HttpProblem):
    """The body is not valid JSON: {reason}"""

    status = 400
    code = "invalid_json"
    title = "Invalid request"


class InvalidFields(HttpProblem):
    """{detail}"""

    status = 400
    code = "invalid"
    title = "Invalid request"

    def __init__(self, entries: list[dict[str, str]]) -> None:
        """`entries` as in `Problem.errors`, at least one."""
        first = entries[0]
        detail = f"{first['param']}: {first['detail']}"
        if len(entries) > 1:
            detail = f"{len(entries)} fields are not valid; see `errors`. The first is {detail}"
        super().__init__(detail=detail)
        self.entries = entries

    @property
    def errors(self) -> list[dict[str, str]]:
        """The entries."""
        return self.entries


class UnknownApiVersion(HttpProblem):
    """There is no such version of this API. Known: {known}."""

    status = 400
    code = "unknown_api_version"
    title = "Invalid request"


class NotAuthenticated(HttpProblem):
    """This needs an API token. Send one as `Authorization: Bearer <token>`."""

    status = 401
    code = "not_authenticated"
    title = "Not authenticated"


class Forbidden(HttpProblem):
    """Your role does not allow this. Ask an administrator for it."""

    status = 403
    code = "forbidden"
    title = "Forbidden"


class MethodNotAllowed(HttpProblem):
    """This address does not take that method. The header `Allow` names those that it takes."""

    status = 405
    code = "method_not_allowed"
    title = "Method not allowed"


class NotAcceptable(HttpProblem):
    """Nothing here has the media type that the header `Accept` asks for. JSON is always there."""

    status = 406
    code = "not_acceptable"
    title = "Not acceptable"


class LengthRequired(HttpProblem):
    """The body has no length that the server understands. Send `Content-Length`."""

    status = 411
    code = "length_required"
    title = "Length required"


class BodyTooLarge(HttpProblem):
    """The body is larger than {limit} bytes. Send it in several requests."""

    status = 413
    code = "too_large"
    title = "Too large"


class TooManyAttempts(HttpProblem):
    """There were too many wrong passwords for this user from this address. Wait for the seconds in
    `Retry-After`."""

    status = 429
    code = "too_many_attempts"
    title = "Too many attempts"


class UnsupportedMediaType(HttpProblem):
    """This address does not read that kind of body. Send JSON, as `Content-Type:
    application/json`."""

    status = 415
    code = "unsupported_media_type"
    title = "Unsupported media type"


class UnsupportedEncoding(HttpProblem):
    """This address does not read bodies with `Content-Encoding: {encoding}`. Send the body as it
    is, without that header."""

    status = 415
    code = "unsupported_encoding"
    title = "Unsupported content encoding"


class InternalError(HttpProblem):
    """The service failed. Nothing of this request was stored; quote its `request_id` when you
    report it."""

    status = 500
    code = "internal_error"
    title = "Internal error"


class DatabaseUnavailable(HttpProblem):
    """The database does not answer. Try again in a few seconds."""

    status = 503
    code = "database_unavailable"
    title = "Service unavailable"


class TookTooLong(HttpProblem):
    """The database worked on this for {seconds} seconds and was stopped. Nothing was stored. Ask
    for less at once, or try again when it is less busy."""

    status = 503
    code = "took_too_long"
    title = "Service unavailable"


class Overloaded(HttpProblem):
    """The service is answering as many requests as it can. Try again in a second."""

    status = 503
    code = "overloaded"
    title = "Service unavailable"
    retry_after_s = 1


class RefusedByDatabase(HttpProblem):
    """A value in the request is none that the database can hold. Nothing was stored."""

    status = 400
    code = "refused_by_database"
    title = "Invalid request"


def values_of(problem: Problem, *, request_id: str) -> dict[str, Any]:
    """The members of the problem document, as RFC 9457 names them, and ours."""
    return {
        "type": f"/v1/docs#error-{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "request_id": request_id,
        "errors": problem.errors,
    }
