"""`/v1/tokens`, `/v1/tokens/{key}` and `/v1/tokens/{key}/rotate`."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import ApiToken, AuditEntry, User
from accounts.policy import Action, SiteRole
from accounts.services.tokens import create_api_token
from embeddings.models import Collection
from tests.api.assertions import assert_problem, assert_unseen
from tests.api.conftest import client_of
from tests.api.token_clients import TOKENS, bearer, key_of, keys, mint, rotate, with_token
from tests.factories import make_collection, make_user


@pytest.fixture
def as_admin() -> APIClient:
    return client_of(make_user("root", SiteRole.ADMIN))


def test_it_works(collection: Collection, as_alice: APIClient) -> None:
    end = (timezone.now() + timedelta(days=9)).isoformat().replace("+00:00", "Z")
    limits = {"requests_per_minute": 60, "tokens_per_day": 1_000, "tokens_per_month": 0}
    asked = {
        "scopes": ["search", "read"],
        "collections": ["drinks"],
        "row_filter": {"lang": "fr"},
        "networks": ["127.0.0.1", "10.0.0.0/8"],
        "expires_at": end,
        "limits": limits,
    }

    response = as_alice.post(TOKENS, {"name": "search box", **asked}, format="json")

    assert response.status_code == 201
    assert response["Cache-Control"] == "no-store"
    answer = response.json()
    plaintext, shown = answer.pop("token"), as_alice.get(response["Location"]).json()
    assert shown == answer
    assert plaintext.startswith(f"emb_{answer['key']}_")
    assert answer.pop("created_at").endswith("Z")
    assert answer == {
        **asked,
        "key": key_of(bearer(plaintext)),
        "name": "search box",
        "user": "alice",
        "created_by": "alice",
        "scopes": ["read", "search"],
        "networks": ["127.0.0.1/32", "10.0.0.0/8"],
        "revoked_at": None,
        "last_used_at": None,
        "previous_until": None,
    }
    assert plaintext not in as_alice.get(TOKENS).content.decode()
    listed = bearer(plaintext).get("/v1/collection/drinks/documents").json()["documents"]
    assert [document["id"] for document in listed] == ["thé"]
    add = {"collection": "drinks", "documents": [{"text": "x"}]}
    assert_problem(bearer(plaintext).post("/v1/add", add, format="json"), 403)
    assert_problem(bearer(plaintext).get(TOKENS), 403)


def test_whatever_is_left_out_narrows_nothing(as_alice: APIClient) -> None:
    answer = mint(as_alice, scopes=None, collections=None, row_filter=None, networks=None)
    narrowed = {name: answer[name] for name in ("scopes", "collections", "row_filter", "networks")}
    assert set(narrowed.values()) | {answer["expires_at"]} == {None}
    assert set(answer["limits"].values()) == {None}
    assert bearer(answer["token"]).get(TOKENS).status_code == 200


def test_each_sees_its_own_and_administrators_all(
    as_alice: APIClient, as_bob: APIClient, as_charlie: APIClient, as_admin: APIClient
) -> None:
    everyones = {key_of(client) for client in (as_alice, as_bob, as_charlie, as_admin)}
    for client in (as_alice, as_bob, as_charlie):
        assert keys(client) == [key_of(client)]
        assert keys(client, user="root") == []
    assert set(keys(as_admin)) == everyones
    assert keys(as_admin, user="alice") == [key_of(as_alice)]


def test_others_tokens_are_not_there(
    as_alice: APIClient, as_bob: APIClient, as_charlie: APIClient
) -> None:
    there, absent = f"{TOKENS}/{key_of(as_alice)}", f"{TOKENS}/AAAAAAAAAAAA"
    for client in (as_bob, as_charlie):
        assert_unseen(client, "GET", there, absent)
        assert_unseen(client, "DELETE", there, absent)
        assert_unseen(client, "POST", f"{there}/rotate", f"{absent}/rotate", {})
    assert as_alice.get(there).status_code == 200


@pytest.mark.parametrize("key", ["AAAAAAAAAAA", "A%00AAAAAAAAAA", "emb_AAAAAAAAAAAA", "%C3%A9"])
def test_what_is_no_key_is_not_there(as_alice: APIClient, key: str) -> None:
    assert_problem(as_alice.get(f"{TOKENS}/{key}"), 404, "not_found")


def test_strangers_see_nothing(stranger: APIClient, as_alice: APIClient) -> None:
    path = f"{TOKENS}/{key_of(as_alice)}"
    for response in (
        stranger.get(TOKENS),
        stranger.post(TOKENS, {"name": "x"}, format="json"),
        stranger.get(path),
        stranger.delete(path),
        stranger.post(f"{path}/rotate", {}, format="json"),
    ):
        assert_problem(response, 401, "not_authenticated")


def test_a_narrowed_token_sees_itself_and_what_it_made(alice: User, as_alice: APIClient) -> None:
    narrow = with_token(alice, scopes=[Action.TOKENS, Action.READ])
    child = bearer(mint(narrow)["token"])
    grandchild = mint(child)["key"]
    assert set(keys(narrow)) == {key_of(narrow), key_of(child), grandchild}
    assert set(keys(child)) == {key_of(child), grandchild}
    assert_problem(narrow.get(f"{TOKENS}/{key_of(as_alice)}"), 404)
    assert len(keys(as_alice)) == 4


def test_collections_are_named_to_those_who_see_them(
    collection: Collection, as_alice: APIClient, as_admin: APIClient, charlie: User
) -> None:
    answer = mint(as_admin, user="charlie", collections=["drinks"])
    assert answer["collections"] == ["drinks"]
    shown = client_of(charlie).get(f"{TOKENS}/{answer['key']}").json()
    assert shown["collections"] == []


def test_pages_hold_every_token_once(alice: User, as_alice: APIClient) -> None:
    made = [create_api_token(user=alice, name=str(number))[0].key for number in range(4)]
    expected = [*reversed(made), key_of(as_alice)]
    seen: list[str] = []
    query = {"limit": "2"}
    while True:
        answer = as_alice.get(TOKENS, query).json()
        seen += [token["key"] for token in answer["tokens"]]
        if answer["next_cursor"] is None:
            break
        query["cursor"] = answer["next_cursor"]
    assert seen == expected


def test_ended_ones_are_shown_on_request(alice: User, as_alice: APIClient) -> None:
    past = timezone.now() - timedelta(seconds=1)
    expired, _ = create_api_token(user=alice, name="expired", expires_at=past)
    revoked = mint(as_alice)["key"]
    as_alice.delete(f"{TOKENS}/{revoked}")
    assert keys(as_alice) == [key_of(as_alice)]
    assert keys(as_alice, state="all") == [revoked, expired.key, key_of(as_alice)]


def test_rotation(as_alice: APIClient) -> None:
    made = mint(as_alice, scopes=["me"], limits={"requests_per_minute": 60})
    response = rotate(as_alice, made["key"], overlap_s=60)
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    answer = response.json()
    assert answer["token"] != made["token"]
    assert answer["previous_until"]
    changed = {"token", "previous_until"}
    assert {n: v for n, v in answer.items() if n not in changed} == {
        n: v for n, v in made.items() if n not in changed
    }
    for token in (made["token"], answer["token"]):
        assert bearer(token).get("/v1/me").status_code == 200

    last = rotate(as_alice, made["key"], overlap_s=0).json()
    assert last["previous_until"] is None
    for token, status in ((made, 401), (answer, 401), (last, 200)):
        assert bearer(token["token"]).get("/v1/me").status_code == status


def test_a_token_rotates_itself(alice: User, as_alice: APIClient) -> None:
    end = timezone.now() + timedelta(days=1)
    client = with_token(alice, scopes=[Action.TOKENS], row_filter={"a": 1}, expires_at=end)
    assert rotate(client, key_of(client)).status_code == 200
    later = (end + timedelta(days=9)).isoformat()
    refused = rotate(client, key_of(client), expires_at=later)
    assert_problem(refused, 403, "exceeds_credential")
    assert (
        rotate(as_alice, key_of(client), expires_at=later).json()["expires_at"][:10] == later[:10]
    )


@pytest.mark.parametrize(
    "narrowed",
    [
        {"expires_at": timezone.now() + timedelta(days=1)},
        {"networks": ["127.0.0.0/8"]},
        {"requests_per_minute": 1_000},
    ],
    ids=["expires_at", "networks", "limits"],
)
def test_no_credential_rotates_a_token_beyond_it(
    alice: User, as_alice: APIClient, narrowed: dict[str, Any]
) -> None:
    """Its new secret would be a way out of what narrows the credential."""
    client = with_token(alice, **narrowed)
    assert_problem(rotate(client, key_of(as_alice)), 403, "exceeds_credential")
    child = mint(client)["key"]
    assert rotate(client, child).status_code == 200


@pytest.mark.parametrize("overlap", [-1, 30 * 86_400 + 1, "60", True, None])
def test_a_bad_overlap(as_alice: APIClient, overlap: Any) -> None:
    response = rotate(as_alice, key_of(as_alice), overlap_s=overlap)
    assert_problem(response, 400, param="overlap_s")


def test_revocation_ends_the_family(alice: User, as_alice: APIClient) -> None:
    parent = bearer(mint(as_alice)["token"])
    child = bearer(mint(parent)["token"])
    grandchild = bearer(mint(child)["token"])
    path = f"{TOKENS}/{key_of(parent)}"
    assert grandchild.get(TOKENS).status_code == 200

    assert as_alice.delete(path).status_code == 204

    for client in (parent, child, grandchild):
        assert_problem(client.get(TOKENS), 401, "invalid_token")
    assert as_alice.get(path).json()["revoked_at"]
    assert keys(as_alice) == [key_of(as_alice)]
    assert as_alice.delete(path).status_code == 204
    assert_problem(rotate(as_alice, key_of(parent)), 409, "token_ended")


def test_rotation_keeps_the_family_together(as_alice: APIClient) -> None:
    parent = mint(as_alice)
    child = mint(bearer(parent["token"]))
    rotate(as_alice, parent["key"], overlap_s=0)
    assert bearer(child["token"]).get("/v1/me").status_code == 200
    as_alice.delete(f"{TOKENS}/{parent['key']}")
    assert_problem(bearer(child["token"]).get("/v1/me"), 401)


def test_a_token_that_has_ended_meanwhile_mints_nothing(alice: User) -> None:
    """Between its check and the minting."""
    client = with_token(alice)
    assert client.get(TOKENS).status_code == 200  # trusted for a moment
    ApiToken.objects.update(revoked_at=timezone.now())  # as another process would do it
    assert_problem(client.post(TOKENS, {"name": "x"}, format="json"), 401, "invalid_token")
    assert ApiToken.objects.count() == 1


def test_a_token_that_is_gone_meanwhile_makes_and_rotates_nothing(
    alice: User, as_alice: APIClient
) -> None:
    client = with_token(alice)
    assert client.get(TOKENS).status_code == 200
    ApiToken.objects.filter(key=key_of(client)).delete()
    assert_problem(client.post(TOKENS, {"name": "x"}, format="json"), 401, "invalid_token")
    assert_problem(rotate(client, key_of(as_alice)), 401, "invalid_token")
    assert keys(as_alice) == [key_of(as_alice)]


def test_a_name_that_is_given_anew_opens_nothing_to_old_tokens(
    collection: Collection, alice: User, as_alice: APIClient
) -> None:
    client = bearer(mint(as_alice, collections=["drinks"])["token"])
    assert client.get("/v1/collection/drinks").status_code == 200
    as_alice.delete("/v1/collection/drinks")
    make_collection("drinks", owner=alice)
    assert_problem(client.get("/v1/collection/drinks"), 404)
    assert client.get("/v1/collection").json()["collections"] == []


def test_it_is_on_record_without_its_secret(as_alice: APIClient) -> None:
    made = mint(as_alice, scopes=["tokens"], limits={"tokens_per_day": 7})
    rotated = rotate(as_alice, made["key"]).json()
    mint(bearer(rotated["token"]))
    as_alice.delete(f"{TOKENS}/{made['key']}")
    entries = AuditEntry.objects.filter(object_type="token", username="alice").order_by("pk")
    assert [entry.event for entry in entries] == [
        *("token.create", "token.rotate", "token.create", "token.revoke", "token.revoke")
    ]
    after = entries[0].after or {}
    assert (after["user"], after["scopes"], after["tokens_per_day"]) == ("alice", ["tokens"], 7)
    spelled = json.dumps(list(entries.values()), default=str)
    for token in (made["token"], rotated["token"]):
        assert token.split("_")[2][:40] not in spelled
