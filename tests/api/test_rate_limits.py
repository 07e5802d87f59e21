"""Requests per minute over HTTP: headers, refusals in every dialect, and who is counted."""

import re
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import ApiToken, Team, User
from accounts.payer import current_payer
from accounts.services.verified_tokens import forget_verified_tokens
from tests.api.assertions import assert_problem
from tests.api.conftest import client_of
from tests.factories import make_user
from tests.statements import recorded_statements

ME = "/v1/models"
STATE = re.compile(r'"(\w+)";r=(\d+);t=(\d+)')


@pytest.fixture
def limited(alice: User) -> APIClient:
    """Alice's, of whose token one request a minute passes."""
    client = client_of(alice)
    ApiToken.objects.filter(user=alice).update(requests_per_minute=1)
    return client


def test_it_works(limited: APIClient) -> None:
    first, second = limited.get(ME), limited.get(ME)
    assert first.status_code == 200
    assert first["RateLimit-Policy"] == second["RateLimit-Policy"] == '"token";q=1;w=60'
    assert first["RateLimit"] == '"token";r=0;t=60'
    assert_problem(second, 429, "rate_limited")
    assert 30 < int(second["Retry-After"]) <= 60
    assert second["RateLimit"].startswith('"token";r=0;t=')


def test_user_team_and_token_are_counted(alice: User, as_alice: APIClient) -> None:
    team = Team.objects.create(name="kitchen", requests_per_minute=3)
    ApiToken.objects.filter(user=alice).update(requests_per_minute=30)
    User.objects.filter(pk=alice.pk).update(team=team, requests_per_minute=300)
    answer = as_alice.get(ME)
    assert answer["RateLimit-Policy"] == '"token";q=30;w=60, "user";q=300;w=60, "team";q=3;w=60'
    assert answer["RateLimit"] == '"token";r=29;t=2, "user";r=299;t=1, "team";r=2;t=20'

    other = make_user()
    User.objects.filter(pk=other.pk).update(team=team)
    [(kind, left, back)] = STATE.findall(client_of(other).get(ME)["RateLimit"])
    assert (kind, left, 20 < int(back) <= 40) == ("team", "1", True)
    *_, (kind, left, back) = STATE.findall(client_of(alice).get(ME)["RateLimit"])
    assert (kind, left, 40 < int(back) <= 60) == ("team", "0", True)
    assert_problem(client_of(other).get(ME), 429, "rate_limited")


def test_refusals_count_too(limited: APIClient) -> None:
    assert_problem(limited.get("/v1/cache/stats"), 403, "forbidden")
    assert_problem(limited.get("/v1/cache/stats"), 429, "rate_limited")


def test_others_are_not_held_up(limited: APIClient, as_charlie: APIClient) -> None:
    limited.get(ME)
    assert_problem(limited.get(ME), 429, "rate_limited")
    answer = as_charlie.get(ME)
    assert answer.status_code == 200
    assert "RateLimit" not in answer


def test_health_is_for_everyone(limited: APIClient) -> None:
    assert {limited.get("/health/live").status_code for _ in range(3)} == {200}


@pytest.mark.parametrize(
    ("path", "body", "read"),
    [
        (
            "/v1/embeddings",
            {"model": "hashing-384", "input": "tea"},
            lambda body: (body["error"]["type"], body["error"]["code"]),
        ),
        (
            "/v2/rerank",
            {"query": "tea", "documents": ["tea"]},
            lambda body: (body["error"]["type"], body["error"]["code"]),
        ),
        ("/similarity", {}, lambda body: (body["error_type"], "rate_limited")),
    ],
)
def test_in_the_dialects_of_others(limited: APIClient, path: str, body: Any, read: Any) -> None:
    limited.get(ME)
    answer = limited.post(path, body)
    assert answer.status_code == 429
    assert 30 < int(answer["Retry-After"]) <= 60
    kind = "Overloaded" if path == "/similarity" else "rate_limit_error"
    assert read(answer.json()) == (kind, "rate_limited")


def test_without_limits_nothing_is_counted(as_alice: APIClient) -> None:
    as_alice.get(ME)
    with recorded_statements() as statements:
        answer = as_alice.get(ME)
    assert statements == []
    assert "RateLimit" not in answer


def test_nobody_pays_after_the_answer(as_alice: APIClient) -> None:
    as_alice.post("/v1/embed", {"input": "tea"})
    assert current_payer() is None


def test_a_new_limit_holds_within_a_second(as_alice: APIClient, alice: User) -> None:
    assert as_alice.get(ME).status_code == 200
    User.objects.filter(pk=alice.pk).update(requests_per_minute=0)
    forget_verified_tokens()  # as every process does within a second
    assert_problem(as_alice.get(ME), 429, "rate_limited")
