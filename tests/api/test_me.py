"""`/v1/me`."""

from rest_framework.test import APIClient

from accounts.models import Team, User
from accounts.policy import Action
from accounts.services.tokens import create_api_token
from embeddings.models import Collection
from tests.api.assertions import assert_problem
from tests.factories import make_collection

ME = "/v1/me"
EVERYONES = ["me", "tokens", "usage", "embed", "create_collection"]


def test_it_works(as_alice: APIClient, alice: User) -> None:
    alice.groups.add(Team.objects.create(name="readers"))
    alice.requests_per_minute = 900
    alice.save(update_fields=["requests_per_minute"])

    assert as_alice.get(ME).json() == {
        "username": "alice",
        "role": "member",
        "actions": EVERYONES,
        "teams": ["readers"],
        "team": None,
        "limits": {"requests_per_minute": 900, "tokens_per_day": None, "tokens_per_month": None},
        "budgets": [],
        "credential": {
            "kind": "api_token",
            "scopes": None,
            "collections": None,
            "row_filter": None,
        },
    }


def test_of_an_operator_and_an_administrator(as_bob: APIClient, as_root: APIClient) -> None:
    bob, root = as_bob.get(ME).json(), as_root.get(ME).json()
    assert bob["actions"] == [*EVERYONES, "read", "search", "audit", "operate"]
    assert root["actions"] == [action.value for action in Action]


def test_strangers_are_nobody(stranger: APIClient) -> None:
    assert_problem(stranger.get(ME), 401, "not_authenticated")


def test_a_credential_says_how_far_it_goes(collection: Collection, alice: User) -> None:
    hidden = make_collection("hidden")
    token, plaintext = create_api_token(user=alice, name="narrow")
    token.scopes = ["me", "read"]
    token.collections = [collection.pk, hidden.pk]
    token.row_filter = {"lang": "en"}
    token.save(update_fields=["scopes", "collections", "row_filter"])
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plaintext}")

    answer = client.get(ME).json()

    assert answer["actions"] == ["me"]
    assert answer["credential"] == {
        "kind": "api_token",
        "scopes": ["me", "read"],
        "collections": ["drinks"],
        "row_filter": {"lang": "en"},
    }
