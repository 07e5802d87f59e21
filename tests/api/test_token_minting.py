"""What tokens hand on: never more than they have, and never to others."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.exceptions import ActionForbidden
from accounts.models import User
from accounts.policy import Action, SiteRole
from accounts.services import rates
from accounts.services.tokens import create_api_token, list_api_tokens, rotate_api_token
from embeddings.models import Collection
from tests.api.assertions import assert_problem
from tests.api.conftest import client_of
from tests.api.token_clients import TOKENS, bearer, key_of, mint, with_token
from tests.factories import make_collection, make_user


@pytest.fixture
def as_admin() -> APIClient:
    return client_of(make_user("root", SiteRole.ADMIN))


def test_only_administrators_mint_for_others(
    as_alice: APIClient, as_bob: APIClient, as_admin: APIClient, charlie: User
) -> None:
    for client in (as_alice, as_bob):
        for whom in ("charlie", "nobody"):  # the answer tells nobody who there is
            response = client.post(TOKENS, {"name": "x", "user": whom}, format="json")
            assert_problem(response, 403, "forbidden")
    answer = mint(as_admin, user="charlie")
    assert (answer["user"], answer["created_by"]) == ("charlie", "root")
    assert bearer(answer["token"]).get("/v1/me").json()["username"] == "charlie"
    for whom in ("nobody", "a\x00b"):
        response = as_admin.post(TOKENS, {"name": "x", "user": whom}, format="json")
        assert_problem(response, 400, param="user")
    User.objects.filter(pk=charlie.pk).update(is_active=False)
    response = as_admin.post(TOKENS, {"name": "x", "user": "charlie"}, format="json")
    assert_problem(response, 400, "unknown_user")


@pytest.mark.parametrize(
    "narrowed",
    [
        {"scopes": [Action.TOKENS, Action.READ]},
        {"collections": []},
        {"row_filter": {"lang": "fr"}},
    ],
    ids=["scopes", "collections", "row_filter"],
)
def test_an_administrators_narrowed_token_mints_for_nobody_else(
    charlie: User, narrowed: dict[str, Any]
) -> None:
    client = with_token(make_user("root", SiteRole.ADMIN), **narrowed)
    response = client.post(TOKENS, {"name": "x", "user": "charlie"}, format="json")
    assert_problem(response, 403, "forbidden")


def test_what_is_minted_never_exceeds_its_minter(collection: Collection, alice: User) -> None:
    make_collection("others", owner=alice)
    end = timezone.now() + timedelta(days=2)
    client = with_token(
        alice,
        scopes=[Action.TOKENS, Action.READ],
        collections=[collection.pk],
        row_filter={"lang": "fr"},
        networks=["127.0.0.0/8"],
        expires_at=end,
        requests_per_minute=600,
        tokens_per_day=1_000,
        tokens_per_month=10_000,
    )
    beyond: dict[str, Any] = {
        "scopes": ["read", "write"],
        "networks": ["127.0.0.1", "0.0.0.0/0"],
        "expires_at": (end + timedelta(seconds=1)).isoformat(),
    }
    for name, value in beyond.items():
        response = client.post(TOKENS, {"name": "x", name: value}, format="json")
        assert_problem(response, 403, "exceeds_credential", param=name)
    for name in ("requests_per_minute", "tokens_per_day", "tokens_per_month"):
        response = client.post(TOKENS, {"name": "x", "limits": {name: 10_001}}, format="json")
        assert_problem(response, 403, "exceeds_credential", param=name)
    for name in ("others", "absent"):
        response = client.post(TOKENS, {"name": "x", "collections": [name]}, format="json")
        assert_problem(response, 404, "not_found")
    answer = mint(client, row_filter={"year": 2024})
    assert answer["scopes"] == ["read", "tokens"]
    assert answer["collections"] == ["drinks"]
    assert answer["row_filter"] == {"$and": [{"lang": "fr"}, {"year": 2024}]}
    assert answer["networks"] == ["127.0.0.0/8"]
    assert answer["expires_at"] == end.isoformat().replace("+00:00", "Z")
    assert answer["limits"]["requests_per_minute"] == 600
    listed = bearer(answer["token"]).get("/v1/collection/drinks/documents").json()["documents"]
    assert [document["id"] for document in listed] == ["thé"]


def test_what_is_minted_counts_towards_its_minters_limits(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "WINDOW_US", 86_400_000_000)  # none comes back meanwhile
    client = with_token(alice, requests_per_minute=3)
    children = [bearer(mint(client)["token"]) for _ in range(2)]
    assert children[0].get("/v1/me").status_code == 200
    for each in (client, *children):
        assert_problem(each.get("/v1/me"), 429, "rate_limited")


@pytest.mark.parametrize(
    "narrowed",
    [{"scopes": frozenset({Action.TOKENS})}, {"collections": frozenset()}, {"row_filter": "{}"}],
    ids=["scopes", "collections", "row_filter"],
)
def test_other_narrowed_credentials_mint_nothing(alice: User, narrowed: dict[str, Any]) -> None:
    """Such as OAuth's: nothing would end what they mint."""
    principal = alice.as_principal(**narrowed)
    token, _ = create_api_token(user=alice, name="test")
    with pytest.raises(ActionForbidden):
        create_api_token(user=alice, name="x", minted_by=principal)
    with pytest.raises(ActionForbidden):
        rotate_api_token(token=token, by=principal, overlap=timedelta(0))
    assert list_api_tokens(principal=principal, limit=9) == []


def test_a_filter_that_grows_too_large_is_refused(alice: User) -> None:
    deep: dict[str, Any] = {"a": 1}
    for _ in range(7):
        deep = {"$or": [deep]}
    client = with_token(alice, row_filter={"lang": "fr"})
    response = client.post(TOKENS, {"name": "x", "row_filter": deep}, format="json")
    assert_problem(response, 400, "invalid_filter")


def test_a_viewer_mints_no_more_than_a_viewer(
    collection: Collection, as_alice: APIClient, as_charlie: APIClient
) -> None:
    grant = {"user": "charlie", "role": "viewer"}
    as_alice.post("/v1/collection/drinks/permissions", grant, format="json")
    token = mint(as_charlie, scopes=[action.value for action in Action])["token"]
    client = bearer(token)
    assert client.get("/v1/collection/drinks").status_code == 200
    add = {"collection": "drinks", "documents": [{"text": "x"}]}
    assert_problem(client.post("/v1/add", add, format="json"), 403)
    assert_problem(client.delete("/v1/collection/drinks"), 403)
    assert_problem(client.get("/v1/users"), 403)


@pytest.mark.parametrize(
    "field",
    [
        "id",
        "key",
        "digest",
        "pepper_id",
        "created_by",
        "ancestors",
        "revoked_at",
        "role",
        "is_staff",
        *("owner", "user_id", "token_id", "requests_per_minute", "username", "minted_by"),
    ],
)
def test_no_other_field_is_taken(as_alice: APIClient, field: str) -> None:
    response = as_alice.post(TOKENS, {"name": "x", field: 1}, format="json")
    assert_problem(response, 400, param=field)
    response = as_alice.post(f"{TOKENS}/{key_of(as_alice)}/rotate", {field: 1}, format="json")
    assert_problem(response, 400, param=field)


@pytest.mark.parametrize(
    ("field", "value", "param"),
    [
        ("name", "", "name"),
        ("name", "x" * 101, "name"),
        ("name", "a\x00b", "name"),
        ("scopes", [], "scopes"),
        ("scopes", ["levitate"], "scopes.0"),
        ("scopes", "read", "scopes"),
        ("collections", ["No Name"], "collections.0"),
        ("collections", "drinks", "collections"),
        ("row_filter", {}, "row_filter"),
        ("row_filter", {"a": {"$like": 1}}, "row_filter.a"),
        ("networks", ["10.0.0.1/8"], "networks.0"),
        ("networks", [], "networks"),
        ("expires_at", "2020-01-01T00:00:00Z", "expires_at"),
        ("expires_at", "soon", "expires_at"),
        ("expires_at", 1, "expires_at"),
        ("limits", {"requests_per_minute": -1}, "limits.requests_per_minute"),
        ("limits", {"requests_per_minute": "9"}, "limits.requests_per_minute"),
        ("limits", {"role": "admin"}, "limits.role"),
    ],
    ids=str,
)
def test_a_bad_request_is_refused(as_alice: APIClient, field: str, value: Any, param: str) -> None:
    response = as_alice.post(TOKENS, {"name": "x", field: value}, format="json")
    assert_problem(response, 400, param=param)
