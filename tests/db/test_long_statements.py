"""A request can't keep PostgreSQL at work for ever."""

from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections

from embedsite.databases import end_long_statements
from embedsite.errors import as_problem


@pytest.mark.django_db
def test_it_works() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '20ms'")
        with pytest.raises(OperationalError) as stopped:
            cursor.execute("SELECT pg_sleep(5)")
    problem = as_problem(stopped.value)
    assert (problem.status, problem.code) == (503, "took_too_long")
    assert "for 60 seconds" in problem.detail
    assert problem.headers == {"Retry-After": "5"}


@pytest.mark.parametrize(
    ("before", "seconds", "after"),
    [
        ({}, 7, {"options": "-c statement_timeout=7s"}),
        ({"options": "-c geqo=off"}, 7, {"options": "-c geqo=off -c statement_timeout=7s"}),
        ({}, 0, {}),
    ],
    ids=["alone", "beside-others", "none"],
)
def test_every_connection_is_opened_so(
    monkeypatch: pytest.MonkeyPatch, before: Any, seconds: int, after: Any
) -> None:
    monkeypatch.setitem(connections.settings[DEFAULT_DB_ALIAS], "OPTIONS", before)
    end_long_statements(seconds)
    assert before == after
