"""Requests of the API pass by what only pages for browsers need."""

from typing import Any

import pytest
from django.core.handlers.base import BaseHandler
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest import MonkeyPatch

THEIRS = ["user", "_messages"]


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
def test_pages_have_a_user(seen: list[str], path: str) -> None:
    answered(path)
    assert seen == THEIRS


@pytest.mark.parametrize("path", ["/v1/search", "/health/live", "/embed", "/administer", "/"])
def test_the_api_has_none(seen: list[str], path: str) -> None:
    assert answered(path).status_code == 200
    assert seen == []
