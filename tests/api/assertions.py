"""What tests of several endpoints assert."""

from typing import Any

import orjson
from django.http import HttpResponse
from rest_framework.test import APIClient

MEMBERS = {"type", "title", "status", "detail", "code", "request_id", "errors"}


def assert_problem(
    response: Any, status: int, code: str | None = None, *, param: str | None = None
) -> dict[str, Any]:
    """The response is a problem document with this status and code, naming this field."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert set(problem) == MEMBERS
    assert problem["status"] == status
    assert problem["request_id"] == response["X-Request-Id"]
    assert problem["type"] == f"/v1/docs#error-{problem['code']}"
    if code is not None:
        assert problem["code"] == code, problem
    if param is not None:
        assert param in [error["param"] for error in problem["errors"]], problem
    return problem


def assert_error(
    response: Any, dialect: str | None, status: int, code: str | None = None, *, param: str = ""
) -> dict[str, Any]:
    """The response is an error of the dialect with this status; of TEI `code` is the type, where it
    has one of the name.
    """
    if dialect is None:
        return assert_problem(response, status, code, param=param or None)
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    if dialect == "tei" and status == 401:
        assert response.content == b""
        return {}
    body: dict[str, Any] = response.json()
    if dialect == "tei":
        assert set(body) == {"error", "error_type"}
        assert body["error_type"] in {"Empty", "Validation", "Backend", "Overloaded", "Unhealthy"}
        assert code is None or code.islower() or body["error_type"] == code, body
        return body
    assert set(body) == {"error", "message", "detail"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["detail"] == body["message"] == body["error"]["message"] != ""
    assert code in (None, body["error"]["code"]), body
    assert param in ("", body["error"]["param"]), body
    return body


def assert_unseen(
    client: APIClient, method: str, there: str, absent: str, body: Any = None
) -> None:
    """What the client may not see looks, byte for byte, like what is not there."""
    answers = [
        client.generic(
            method,
            path,
            orjson.dumps(body).decode() if body is not None else "",
            content_type="application/json",
            HTTP_X_REQUEST_ID="same",
        )
        for path in (there, absent)
    ]
    assert_same(*answers)


def assert_same(one: HttpResponse, other: HttpResponse) -> None:
    """Two refusals that can't be told apart."""
    assert_problem(one, 404, "not_found")
    assert (one.status_code, one.content) == (other.status_code, other.content)
    assert dict(one.items()) == dict(other.items())
