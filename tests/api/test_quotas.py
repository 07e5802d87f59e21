"""Token budgets over HTTP: refused before the work, in every dialect, and told in `/v1/me`."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import ApiToken, SpentTokens, User
from embeddings.models import Collection, Document, Usage
from embeddings.services.usage import flush_usage
from tests.api.assertions import assert_problem
from tests.api.conftest import client_of

pytestmark = pytest.mark.usefixtures("within_a_day")

DAY_S = 86_400


@pytest.fixture
def limited(alice: User) -> APIClient:
    """Alice's, for whose token models read four tokens a day."""
    client = client_of(alice)
    ApiToken.objects.filter(user=alice).update(tokens_per_day=4)
    return client


def spent() -> int:
    return SpentTokens.objects.get(period="day").tokens


def test_it_works(limited: APIClient) -> None:
    assert limited.post("/v1/embed", {"input": "one two three"}).status_code == 200
    refused = limited.post("/v1/embed", {"input": ["four five", "six"]})
    assert_problem(refused, 429, "quota_exceeded")
    assert 0 < int(refused["Retry-After"]) <= DAY_S
    assert "4 tokens a day; 1 of them are left, and this needs 3" in refused.json()["detail"]
    assert spent() == 3

    # What is cached, no model reads; the rest still fits.
    again = limited.post("/v1/embed", {"input": ["one two three", "four"]})
    assert again.json()["usage"] == {"tokens": 4, "cached_tokens": 3}
    assert spent() == 4


def test_adding_and_searching(limited: APIClient, collection: Collection) -> None:
    body = {"collection": "drinks", "documents": [{"id": "x", "text": "one two three four five"}]}
    assert_problem(limited.post("/v1/add", body), 429, "quota_exceeded")
    assert not Document.objects.filter(external_id="x").exists()
    search = {"collection": "drinks", "query": "one two three four five"}
    assert_problem(limited.post("/v1/search", search), 429, "quota_exceeded")
    for free in ({"document_id": "tea"}, {"query": search["query"], "mode": "keyword"}):
        assert limited.post("/v1/search", {"collection": "drinks", **free}).status_code == 200
    flush_usage()
    assert not Usage.objects.filter(tokens__gt=0).exists()


@pytest.mark.parametrize(
    ("path", "body", "read"),
    [
        (
            "/v1/embeddings",
            {"model": "hashing-384", "input": "one two three four five"},
            lambda body: body["error"]["code"],
        ),
        (
            "/v2/rerank",
            {"query": "one two three four five", "documents": ["one two three"] * 3},
            lambda body: body["error"]["code"],
        ),
        (
            "/embed",
            {"inputs": "one two three four five"},
            lambda body: {"Overloaded": "quota_exceeded"}[body["error_type"]],
        ),
    ],
    ids=["openai", "cohere", "tei"],
)
def test_in_the_dialects_of_others(limited: APIClient, path: str, body: Any, read: Any) -> None:
    answer = limited.post(path, body)
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= DAY_S
    assert read(answer.json()) == "quota_exceeded"


def test_what_is_left_is_shown(limited: APIClient, alice: User) -> None:
    limited.post("/v1/embed", {"input": "one two three"})
    User.objects.filter(pk=alice.pk).update(tokens_per_month=100)
    budgets = client_of(alice).get("/v1/me").json()["budgets"]
    assert budgets == [{"of": "user", "period": "month", "limit": 100, "left": 100}]
    [mine] = limited.get("/v1/me").json()["budgets"]
    assert mine == {"of": "token", "period": "day", "limit": 4, "left": 1}
