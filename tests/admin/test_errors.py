"""What goes wrong in the console is told in pages, not in problem documents."""

import logging
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.contrib import admin
from django.db import OperationalError
from django.test import Client

from embeddings.models import Collection


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The page of collections, of which nothing comes but an exception."""

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr(type(admin.site._registry[Collection]), "get_queryset", fail)
    return iter(())


def assert_page(response: Any, *, status: int, heading: str) -> str:
    page: str = response.content.decode()
    assert response.status_code == status
    assert response["Content-Type"].startswith("text/html")
    assert f"<h1>{heading}</h1>" in page
    assert "console/console.css" in page
    return page


def test_it_works(as_admin: Client) -> None:
    page = assert_page(
        as_admin.get("/admin/no/where/"), status=404, heading="There is nothing here"
    )
    assert 'href="/admin/"' in page


def test_what_one_may_not(as_member: Client) -> None:
    response = as_member.get("/admin/models/")
    assert_page(response, status=403, heading="You may not open this")


def test_a_form_from_before(as_admin: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = as_admin.cookies
    response = strict.post("/admin/logout/")
    assert_page(response, status=403, heading="This page was open for too long")


def test_a_fault_of_ours_tells_nothing_but_where_to_look(as_admin: Client, broken: None) -> None:
    as_admin.raise_request_exception = False
    response = as_admin.get("/admin/embeddings/collection/")
    page = assert_page(response, status=500, heading="Something went wrong here")
    assert response["X-Request-Id"] in page
    assert "secret of ours" not in page


@pytest.mark.parametrize(
    ("cause", "heading", "detail"),
    [
        (psycopg.errors.AdminShutdown(), "Service unavailable", "does not answer. Try again"),
        (psycopg.errors.QueryCanceled(), "Service unavailable", " seconds and was stopped"),
    ],
    ids=["gone", "slow"],
)
def test_a_database_that_is_gone_or_slow(
    as_admin: Client, monkeypatch: pytest.MonkeyPatch, cause: Exception, heading: str, detail: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OperationalError from cause

    monkeypatch.setattr(type(admin.site._registry[Collection]), "get_queryset", fail)
    as_admin.raise_request_exception = False
    response = as_admin.get("/admin/embeddings/collection/")
    assert detail in assert_page(response, status=503, heading=heading)
    assert int(response["Retry-After"]) > 0


def test_locked_out(settings: Any) -> None:
    body = {"username": "boss", "password": "wrong"}
    for _ in range(settings.AXES_FAILURE_LIMIT):
        response = Client().post("/admin/login/", body)
    assert_page(response, status=429, heading="Too many attempts")
    assert response["Retry-After"] == "900"


def test_the_api_keeps_its_documents(as_admin: Client) -> None:
    assert as_admin.get("/no/where")["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "address",
    [
        "search/?s=a%00",
        "autocomplete/?app_label=embeddings&model_name=grant&field_name=user&term=%00",
        "embeddings/job/?state__exact=%00",
        "accounts/identity/?issuer=%00",
    ],
)
def test_what_postgresql_has_no_text_for(as_admin: Client, address: str) -> None:
    assert as_admin.get(f"/admin/{address}").status_code == 400


@pytest.mark.parametrize("page", ["embeddings/collection", "accounts/user", "embeddings/job"])
@pytest.mark.parametrize("asked", ["foo=bar", "owner__password__startswith=a", "_to_field=foo"])
def test_what_may_not_be_filtered_by_is_no_error_of_ours(
    as_admin: Client, caplog: pytest.LogCaptureFixture, page: str, asked: str
) -> None:
    assert as_admin.get(f"/admin/{page}/?{asked}").status_code == 400
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []
