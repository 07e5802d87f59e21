"""Errors that belong to no single endpoint."""

import gzip
import io
from typing import Any

import pytest
from django.db import DataError, OperationalError
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.api.assertions import assert_problem
from tests.log_capture import capture_logs

MODELS, EMBED = "/v1/models", "/v1/embed"


@pytest.fixture(params=[False, True], ids=["production", "debug"])
def _debug(request: pytest.FixtureRequest, settings: Settings) -> None:
    settings.DEBUG = request.param


def post(client: APIClient, body: bytes, path: str = EMBED, **headers: Any) -> Any:
    content: Any = body
    return client.generic("POST", path, content, content_type="application/json", **headers)


def test_it_works(as_alice: APIClient) -> None:
    problem = assert_problem(as_alice.post(EMBED, {"input": 7, "model": 7}), 400, "invalid")
    assert problem["title"] == "Invalid request"
    assert problem["detail"].startswith("2 fields are not valid")
    assert [error["param"] for error in problem["errors"]] == ["input", "model"]


def test_the_callers_request_id_comes_back(stranger: APIClient) -> None:
    response = stranger.get(MODELS, HTTP_X_REQUEST_ID="mine-1")
    assert assert_problem(response, 401)["request_id"] == "mine-1"


@pytest.mark.usefixtures("_debug")
@pytest.mark.parametrize("path", ["/v1", "/v1/nothing", "/v1/embed/", "/v2/embed", "/%00"])
def test_unknown_paths(as_alice: APIClient, stranger: APIClient, path: str) -> None:
    for client in (as_alice, stranger, APIClient(enforce_csrf_checks=True)):
        assert_problem(client.post(path), 404, "not_found")


@pytest.mark.usefixtures("_debug")
def test_a_bug_shows_nothing_of_itself(
    as_alice: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("embeddings.views.models.served_models", fail)
    as_alice.raise_request_exception = False

    with capture_logs() as logs:
        response = as_alice.get(MODELS)

    assert_problem(response, 500, "internal_error")
    assert b"secret" not in response.content
    assert [line["level"] for line in logs.named("request_failed")] == ["error"]


def test_a_bug_outside_the_views_shows_nothing_of_itself(
    as_alice: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("embedsite.body.BodyLimit.process_view", fail)
    as_alice.raise_request_exception = False

    assert_problem(as_alice.get(MODELS), 500, "internal_error")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (OperationalError("password=hunter2"), 503, "database_unavailable"),
        (DataError("hunter2"), 400, "refused_by_database"),
    ],
)
def test_database_errors(
    as_alice: APIClient,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    code: str,
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr("embeddings.views.models.served_models", fail)

    response = as_alice.get(MODELS)

    assert_problem(response, status, code)
    assert b"hunter2" not in response.content
    assert response.has_header("Retry-After") is (status == 503)


def test_a_wrong_host(as_alice: APIClient) -> None:
    assert_problem(as_alice.get(MODELS, HTTP_HOST="evil.example"), 400, "malformed")


def test_pages_for_people_stay_html(stranger: APIClient) -> None:
    for path in ("/admin/login/", "/admin/nothing/"):
        assert stranger.get(path, follow=True)["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_wrong_methods(as_alice: APIClient, stranger: APIClient, method: str) -> None:
    response = as_alice.generic(method, EMBED)

    assert_problem(response, 405, "method_not_allowed")
    assert "POST" in response["Allow"]
    assert_problem(stranger.generic(method, EMBED), 401, "not_authenticated")


@pytest.mark.parametrize("method", ["TRACE", "BREW"])
def test_unknown_methods(stranger: APIClient, method: str) -> None:
    response = stranger.generic(method, EMBED)

    assert_problem(response, 405, "method_not_allowed")
    assert "POST" in response["Allow"]


def test_wrong_media_types(as_alice: APIClient) -> None:
    assert_problem(as_alice.get(MODELS, HTTP_ACCEPT="text/html"), 406, "not_acceptable")
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        response = as_alice.generic("POST", EMBED, "input=tea", content_type=content_type)
        assert_problem(response, 415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=utf-8"])
def test_a_body_is_read_however_its_type_is_spelled(as_alice: APIClient, content_type: str) -> None:
    body = b'{"input": "tea"}'
    assert post(as_alice, body, CONTENT_TYPE=content_type).status_code == 200
    problem = assert_problem(post(as_alice, b"", CONTENT_TYPE=content_type), 400, "invalid")
    assert problem["errors"][0]["param"] == "input"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{'input': 'tea'}",
        b'{"input": "tea",}',
        b'{"input": "tea"} x',
        b'\xef\xbb\xbf{"input": "tea"}',
        '{"input": "tea"}'.encode("utf-16"),
        b'{"input": "\xff"}',
        b'{"input": "\x00"}',
        b"\x00",
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_is_no_json(as_alice: APIClient, body: bytes) -> None:
    assert_problem(post(as_alice, body), 400, "invalid_json")


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"tea"', b"7", b"true", b"[{}]"])
def test_what_is_no_object(as_alice: APIClient, body: bytes) -> None:
    assert_problem(post(as_alice, body), 400)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b'{"input": NaN}', "input"),
        (b'{"collection": "c", "vector": [1, -Infinity]}', "vector.1"),
        (b'{"documents": [{"metadata": {"a": 1e400}}]}', "documents.0.metadata.a"),
        (b'{"input": ["tea", "\\ud800"]}', "input.1"),
        (b'{"documents": [{"text": "t", "metadata": {"\\udc00": 1}}]}', None),
    ],
)
def test_what_only_some_take_for_json_is_named(
    as_alice: APIClient, body: bytes, param: str | None
) -> None:
    assert_problem(post(as_alice, body), 400, "invalid", param=param)


def test_nesting_is_bounded(as_alice: APIClient, settings: Settings) -> None:
    limit = settings.EMBED.max_json_depth
    at_limit = b'{"input":' + b"[" * (limit - 1) + b"]" * (limit - 1) + b"}"
    beyond = b'{"input":' + b"[" * limit + b"]" * limit + b"}"
    many = b'{"input": [' + b",".join([b"[]"] * 100) + b"]}"

    assert_problem(post(as_alice, at_limit), 400, "invalid", param="input")
    assert_problem(post(as_alice, many), 400, "invalid", param="input")
    assert "nests deeper" in assert_problem(post(as_alice, beyond), 400, "invalid_json")["detail"]


def test_of_a_repeated_key_the_last_counts(as_alice: APIClient) -> None:
    assert post(as_alice, b'{"input": 7, "input": "tea"}').status_code == 200
    assert_problem(post(as_alice, b'{"input": "tea", "input": 7}'), 400, param="input")


def test_a_body_over_the_limit_is_not_read(as_alice: APIClient, settings: Settings) -> None:
    class Unread(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError("the body was read")

    length = str(settings.EMBED.max_body_bytes + 1)
    headers: dict[str, Any] = {"CONTENT_LENGTH": length, "wsgi.input": Unread()}

    assert_problem(post(as_alice, b"", **headers), 413, "too_large")


@pytest.mark.parametrize("path", ["/v1/embed", "/v1/tokens"])
def test_a_compressed_body_is_refused_by_its_encoding(as_alice: APIClient, path: str) -> None:
    body: Any = gzip.compress(b'{"input": "tea"}')
    for encoding in ("gzip", "br"):
        response = as_alice.generic(
            "POST",
            path,
            body,
            content_type="application/json",
            HTTP_CONTENT_ENCODING=encoding,
        )
        problem = assert_problem(response, 415, "unsupported_encoding")
        assert f"`Content-Encoding: {encoding}`" in problem["detail"]


def test_an_encoding_that_changes_nothing_is_taken(as_alice: APIClient) -> None:
    answer = post(as_alice, b'{"input": "tea"}', HTTP_CONTENT_ENCODING="Identity")
    assert answer.status_code == 200


def chunked(body: io.BytesIO) -> dict[str, Any]:
    return {
        "CONTENT_LENGTH": "",
        "HTTP_TRANSFER_ENCODING": "chunked",
        "wsgi.input": body,
        "wsgi.input_terminated": True,
    }


def test_a_chunked_body_is_read_up_to_the_limit(as_alice: APIClient, settings: Settings) -> None:
    assert post(as_alice, b"", **chunked(io.BytesIO(b'{"input": "tea"}'))).status_code == 200

    endless = io.BytesIO(b" " * (settings.EMBED.max_body_bytes + 1000))
    assert_problem(post(as_alice, b"", **chunked(endless)), 413, "too_large")
    assert endless.tell() == settings.EMBED.max_body_bytes + 1


def test_a_chunked_body_needs_a_server_that_ends_it(as_alice: APIClient) -> None:
    headers = chunked(io.BytesIO(b"{}")) | {"wsgi.input_terminated": False}
    assert_problem(post(as_alice, b"", **headers), 411, "length_required")


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer x",
        "Basic YWxpY2U6eA==",
        "Bearer emb_abcdefghijkl_" + "a" * 40 + "00000000",
        "Bearer \xff",
        "emb_",
    ],
)
def test_wrong_credentials(stranger: APIClient, header: str) -> None:
    response = stranger.get(MODELS, HTTP_AUTHORIZATION=header)

    assert_problem(response, 401, "invalid_token")
    assert response["WWW-Authenticate"].startswith("Bearer ")
