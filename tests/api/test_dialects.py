"""Errors in the dialects of other services, whoever raises them."""

from typing import Any

import pytest
from django.db import OperationalError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient

from embeddings.exceptions import (
    DocumentExists,
    EngineOverloaded,
    EngineUnavailable,
    InvalidRequest,
    UnknownModel,
)
from embeddings.views.dialects import Dialect, in_dialect, speak
from embeddings.views.embed import EmbedViewSet
from tests.api.assertions import assert_error, assert_problem

PATH = "/v1/embed"
DIALECTS: tuple[Dialect, ...] = ("openai", "cohere", "jina", "tei")


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Dialect:
    """What the view of PATH speaks for this test."""
    dialect: Dialect = request.param
    monkeypatch.setattr(EmbedViewSet, "dialect", dialect, raising=False)
    return dialect


def test_it_works(as_alice: APIClient, dialect: Dialect) -> None:
    response = as_alice.post(PATH, {"input": 7})
    assert_error(response, dialect, 422 if dialect == "tei" else 400, param="input")


def test_strangers(stranger: APIClient, dialect: Dialect) -> None:
    response = stranger.post(PATH, {"input": "tea"})

    assert_error(response, dialect, 401, "not_authenticated")
    assert response["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"", {"CONTENT_LENGTH": str(10**9)}, 413),
        (b"", {"HTTP_TRANSFER_ENCODING": "chunked"}, 411),
        (b"input=tea", {"CONTENT_TYPE": "application/x-www-form-urlencoded"}, 415),
        (b"{}", {"HTTP_CONTENT_ENCODING": "gzip"}, 415),
        (b"{}", {"HTTP_ACCEPT": "text/html"}, 406),
        (b"{}", {"HTTP_API_VERSION": "9"}, 400),
    ],
)
def test_what_no_view_looks_into(
    as_alice: APIClient, dialect: Dialect, body: Any, headers: dict[str, Any], status: int
) -> None:
    type_ = {"content_type": headers.get("CONTENT_TYPE", "application/json")}
    response = as_alice.generic("POST", PATH, body, **type_, **headers)

    if dialect == "tei" and "HTTP_API_VERSION" in headers:
        status = 422
    assert_error(response, dialect, status)


def test_another_method(as_alice: APIClient, dialect: Dialect) -> None:
    assert_error(as_alice.put(PATH), dialect, 405, "method_not_allowed")


@pytest.mark.parametrize(
    ("error", "status", "in_tei"),
    [
        (RuntimeError("secret"), 500, (500, "Backend")),
        (OperationalError("secret"), 503, (503, "Unhealthy")),
        (EngineUnavailable(), 503, (503, "Unhealthy")),
        (EngineOverloaded(retry_after=2), 503, (429, "Overloaded")),
    ],
)
def test_faults_of_ours(
    as_alice: APIClient,
    dialect: Dialect,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    in_tei: tuple[int, str],
) -> None:
    def fail(**_: Any) -> None:
        raise error

    monkeypatch.setattr("embeddings.views.embed.embed_texts", fail)
    as_alice.raise_request_exception = False

    response = as_alice.post(PATH, {"input": "tea"})

    assert b"secret" not in response.content
    if dialect == "tei":
        assert_error(response, dialect, in_tei[0], in_tei[1])
    else:
        body = assert_error(response, dialect, status)
        assert body["error"]["type"] == "server_error"
    assert (status == 503) == ("Retry-After" in response)


def test_a_request_can_name_another_dialect_than_its_view(
    as_alice: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create(self: EmbedViewSet, request: Request) -> Response:
        speak(request, "tei")
        raise InvalidRequest(param="inputs", detail="No.")

    monkeypatch.setattr(EmbedViewSet, "create", create)

    assert_error(as_alice.post(PATH, {}), "tei", 422)
    assert_problem(as_alice.post(PATH, {}, HTTP_API_VERSION="9"), 400)


def test_openai_has_its_own_name_for_an_unknown_model() -> None:
    problem = UnknownModel(param="model", model="gpt", known="a, b")

    status, body = in_dialect(problem, "openai")

    assert status == 404
    assert body
    assert body["error"]["code"] == "model_not_found"
    assert body["error"]["param"] == "model"
    assert in_dialect(problem, "cohere")[0] == 400


def test_openai_is_never_answered_409() -> None:
    assert in_dialect(DocumentExists(external_id="a"), "openai")[0] == 400
