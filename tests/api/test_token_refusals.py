"""What is no credential: refused, all of it alike."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import ApiToken, User
from accounts.policy import SiteRole
from accounts.services.tokens import create_api_token
from accounts.services.verified_tokens import forget_verified_tokens
from tests.api.assertions import assert_problem
from tests.api.conftest import client_of
from tests.api.token_clients import TOKENS, bearer
from tests.factories import make_user


@pytest.fixture
def as_admin() -> APIClient:
    return client_of(make_user("root", SiteRole.ADMIN))


def test_all_that_is_wrong_is_refused_alike(alice: User) -> None:
    """Same status, same headers, same bytes."""
    token, good = create_api_token(user=alice, name="good")
    gone, revoked = create_api_token(user=alice, name="gone")
    ApiToken.objects.filter(pk=gone.pk).update(revoked_at=timezone.now())
    past = timezone.now() - timedelta(seconds=1)
    idle = make_user()
    User.objects.filter(pk=idle.pk).update(is_active=False)
    flipped = good[:-1] + ("0" if good[-1] != "0" else "1")
    clients = [
        bearer(flipped),
        bearer(f"emb_{token.key}_{revoked.split('_')[2]}"),
        bearer(revoked),
        bearer(create_api_token(user=alice, name="old", expires_at=past)[1]),
        bearer(create_api_token(user=idle, name="idle")[1]),
        bearer(create_api_token(user=alice, name="away", networks=["10.0.0.0/8"])[1]),
        bearer(f"{good},Bearer {good}"),
        bearer(good, HTTP_X_API_KEY=revoked),
        bearer(revoked, HTTP_X_API_KEY=good),
    ]
    answers = [client.get("/v1/me", headers={"X-Request-Id": "same"}) for client in clients]
    assert_problem(answers[0], 401, "invalid_token")
    for number, answer in enumerate(answers):
        assert answer.status_code == 401, number
        assert (answer.content, dict(answer.items())) == (
            answers[0].content,
            dict(answers[0].items()),
        ), number
    assert bearer(good).get("/v1/me").status_code == 200


@pytest.mark.parametrize("name", ["token", "access_token", "api_key", "api-key", "key"])
def test_a_token_in_the_address_is_none(alice: User, name: str) -> None:
    _, plaintext = create_api_token(user=alice, name="test")
    response = APIClient().get(TOKENS, {name: plaintext})
    assert_problem(response, 401, "not_authenticated")
    assert plaintext not in response.content.decode()


def test_changes_of_the_user_hold_at_once(alice: User, as_admin: APIClient) -> None:
    client = client_of(alice)
    assert client.get("/v1/me").status_code == 200
    as_admin.patch("/v1/users/alice", {"active": False}, format="json")
    forget_verified_tokens()
    assert_problem(client.get("/v1/me"), 401, "invalid_token")
