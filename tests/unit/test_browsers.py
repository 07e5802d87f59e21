"""Requests of the API pass by what only pages for browsers need."""

from typing import Any
from unittest.mock import Mock

import pytest
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest import MonkeyPatch

from embedsite.browsers import PagesBegin, PagesEnd

THEIRS = ["session", "user", "_messages"]


@pytest.fixture
def seen(monkeypatch: MonkeyPatch) -> list[str]:
    """What the last request that came to the view had of theirs."""
    found: list[str] = []

    def view(_: Any, request: HttpRequest) -> HttpResponse:
        found[:] = [name for name in THEIRS if hasattr(request, name)]
        return HttpResponse()

    monkeypatch.setattr(BaseHandler, "_get_response", view)
    return found


def answered(path: str) -> HttpResponse:
    handler = BaseHandler()
    handler.load_middleware()
    response = handler.get_response(RequestFactory().get(path))
    assert isinstance(response, HttpResponse)
    return response


@pytest.mark.parametrize("path", ["/admin/", "/admin/login/", "/oauth/authorize"])
def test_pages_have_a_session(seen: list[str], path: str) -> None:
    answered(path)
    assert seen == THEIRS


@pytest.mark.parametrize("path", ["/v1/search", "/health/live", "/embed", "/administer", "/"])
def test_the_api_has_none(seen: list[str], path: str) -> None:
    assert answered(path).status_code == 200
    assert seen == []


@pytest.mark.parametrize("path", ["/admin/login/", "/v1/search"])
def test_all_other_middlewares_are_for_both(seen: list[str], path: str) -> None:
    headers = answered(path).headers
    assert {"X-Request-Id", "Content-Security-Policy", "X-Frame-Options", "Referrer-Policy"} <= set(
        headers
    )


@pytest.mark.parametrize("path", ["/admin/", "/v1/search"])
def test_a_request_stays_with_its_handler(path: str) -> None:
    answers = HttpResponse("first"), HttpResponse("second")
    handlers = [PagesBegin(PagesEnd(Mock(return_value=answer))) for answer in answers]
    request = RequestFactory().get(path)
    assert [handler(request) for handler in handlers] == list(answers)
