"""API tokens in the console: narrowed, rotated, revoked with what they made."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from pydantic import SecretStr

from accounts.exceptions import InvalidToken
from accounts.models import ApiToken, AuditEntry, User
from accounts.narrowing import Narrowing
from accounts.policy import Action, SiteRole
from accounts.services.budgets import budgets_of, reserve_tokens
from accounts.services.tokens import create_api_token
from accounts.services.verified_tokens import verify_api_token
from embeddings.models import Collection
from tests.admin.conftest import client_of, make_staff

TOKENS = reverse("admin:accounts_apitoken_changelist")
ADD = reverse("admin:accounts_apitoken_add")


def page_of(token: ApiToken, verb: str = "change") -> str:
    return reverse(f"admin:accounts_apitoken_{verb}", args=[token.pk])


def secrets_in(response: Any) -> list[str]:
    return re.findall(r"emb_\w{12}_\w{48}", response.content.decode())


def act(client: Client, verb: str, token: ApiToken, **body: Any) -> Any:
    return client.post(page_of(token, verb), body, follow=True)


def revoke_selected(client: Client, *tokens: ApiToken, **body: Any) -> Any:
    chosen = {"action": "revoke", "_selected_action": [token.pk for token in tokens]}
    return client.post(TOKENS, {**chosen, **body}, follow=True)


def refused(plaintext: str) -> bool:
    try:
        verify_api_token(plaintext)
    except InvalidToken:
        return True
    return False


def test_it_works(as_admin: Client, admin: User, alice: User, collection: Collection) -> None:
    narrowed = {
        "scopes": ["search", "read"],
        "collections": [str(collection.pk)],
        "row_filter": '{"tenant": "<b>"}',
        "networks": "127.0.0.1,10.0.0.0/8",
        "requests_per_minute": 60,
    }
    response = as_admin.post(ADD, {"user": alice.pk, "name": "box", **narrowed}, follow=True)
    (plaintext,) = secrets_in(response)
    token = verify_api_token(plaintext, address="10.1.2.3")
    assert (token.user, token.created_by_id) == (alice, admin.pk)
    assert token.narrowing == Narrowing(
        scopes=frozenset({Action.READ, Action.SEARCH}),
        collections=frozenset({collection.pk}),
        row_filter={"tenant": "<b>"},
        networks=("127.0.0.1/32", "10.0.0.0/8"),
        requests_per_minute=60,
    )
    page = as_admin.get(page_of(token)).content.decode()
    for text in ("drinks", "&quot;tenant&quot;: &quot;&lt;b&gt;&quot;", "10.0.0.0/8", "root"):
        assert text in page, text


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("row_filter", '{"a": {"$like": 1}}', "no operator"),
        ("row_filter", "[]", "send a JSON object"),
        ("row_filter", "{", "Enter a valid JSON"),
        pytest.param("row_filter", "[" * 100_000, "nests too deep", id="deep"),
        ("networks", "10.0.0.1/8", "The network is none"),
        ("scopes", "levitate", "Select a valid choice"),
        ("requests_per_minute", "-1", "greater than or equal to 0"),
    ],
)
def test_mistakes_are_explained(
    as_admin: Client, alice: User, field: str, value: str, message: str
) -> None:
    page = as_admin.post(ADD, {"user": alice.pk, "name": "box", field: value})
    assert page.status_code == 200
    assert message in page.content.decode()
    assert not ApiToken.objects.exists()


def test_the_address_proposes_its_user(as_admin: Client, alice: User) -> None:
    assert ">alice</option>" in as_admin.get(ADD, {"user": alice.pk}).content.decode()
    for wrong in ({"user": "x"}, {"user": str(10**20)}, {"nothing": "x"}):
        assert as_admin.get(ADD, wrong).status_code == 200


def test_its_secret_is_nowhere_else(as_admin: Client, alice: User) -> None:
    response = as_admin.post(ADD, {"user": alice.pk, "name": "box"})
    (plaintext,) = secrets_in(response)
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    token = ApiToken.objects.get()
    assert "messages" not in response.cookies
    told = [repr(as_admin.session.items())]
    told += [repr([*rows.objects.values_list()]) for rows in (AuditEntry, LogEntry, Session)]
    told.append(as_admin.get(TOKENS).content.decode())
    told.append(as_admin.get(page_of(token)).content.decode())
    assert not any(plaintext[-48:] in text for text in told)


def test_one_is_rotated(as_admin: Client, alice: User) -> None:
    token, old = create_api_token(user=alice, name="script")
    assert "another secret" in as_admin.get(page_of(token, "rotate")).content.decode()
    assert not secrets_in(as_admin.get(page_of(token, "rotate")))
    response = act(as_admin, "rotate", token, overlap_s="3600")
    (new,) = secrets_in(response)
    assert "no-store" in response["Cache-Control"]
    assert (new[:17], new != old) == (old[:17], True)
    assert (refused(old), refused(new)) == (False, False)
    (newest,) = secrets_in(act(as_admin, "rotate", token, overlap_s="0"))
    assert (refused(old), refused(new), refused(newest)) == (True, True, False)
    assert act(as_admin, "rotate", token, overlap_s="1").status_code == 400
    act(as_admin, "revoke", token)
    ended = act(as_admin, "rotate", token, overlap_s="0")
    assert (ended.status_code, "stays so" in ended.content.decode()) == (409, True)


def test_it_is_asked_before_tokens_are_revoked(as_admin: Client, alice: User) -> None:
    token, plaintext = create_api_token(user=alice, name="<i>box</i>")
    pages = [as_admin.get(page_of(token, "revoke")), revoke_selected(as_admin, token)]
    for page in pages:
        assert "alice" in page.content.decode()
        assert "<i>box" not in page.content.decode()
    assert not refused(plaintext)
    assert "Revoked 1." in revoke_selected(as_admin, token, confirmed="yes").content.decode()
    assert refused(plaintext)


def test_what_is_used_of_its_budget(within_a_day: None, as_admin: Client, alice: User) -> None:
    token, _ = create_api_token(user=alice, name="box", tokens_per_day=1000)
    budgets = budgets_of(token.allowances)
    reserve_tokens(budgets=budgets, tokens=250)
    page = as_admin.get(page_of(token)).content.decode()
    assert "250 of 1,000 tokens (25 %)" in " ".join(page.split())


@pytest.mark.parametrize("verb", ["revoke", "delete", "delete_selected"])
def test_what_a_token_made_ends_with_it(as_admin: Client, alice: User, verb: str) -> None:
    parent, _ = create_api_token(user=alice, name="parent")
    by = alice.as_principal(token_id=parent.pk)
    _, child = create_api_token(user=alice, name="child", minted_by=by)
    assert not refused(child)
    if verb == "delete":
        url = reverse("admin:accounts_apitoken_delete", args=[parent.pk])
        as_admin.post(url, {"post": "yes"})
    elif verb == "delete_selected":
        chosen = {"action": verb, "_selected_action": [parent.pk], "post": "yes"}
        as_admin.post(TOKENS, chosen)
    else:
        assert "one of the 1 live" in as_admin.get(page_of(parent, verb)).content.decode()
        assert "Revoked 2." in act(as_admin, verb, parent).content.decode()
    assert refused(child)
    assert ApiToken.objects.filter(pk=parent.pk).exists() is (verb == "revoke")


def test_tokens_of_the_pepper_before_are_listed(
    as_admin: Client, alice: User, settings: Any
) -> None:
    old, _ = create_api_token(user=alice, name="old")
    settings.EMBED = settings.EMBED.model_copy(update={"token_pepper": SecretStr("another")})
    new, _ = create_api_token(user=alice, name="new")
    for choice, shown, hidden in (("present", new, old), ("before", old, new)):
        page = as_admin.get(TOKENS, {"pepper": choice}).content.decode()
        assert (shown.key in page, hidden.key in page) == (True, False)


def test_permissions_given_by_hand_make_no_tokens(alice: User) -> None:
    """They would make anybody an administrator."""
    staff = make_staff("dave", SiteRole.MEMBER)
    staff.user_permissions.set(Permission.objects.filter(content_type__model="apitoken"))
    token, plaintext = create_api_token(user=alice, name="script")
    client = client_of(staff)
    assert client.get(TOKENS).status_code == 200
    assert client.post(ADD, {"user": alice.pk, "name": "box"}).status_code == 403
    revoke_selected(client, token, confirmed="yes")
    for verb in ("rotate", "revoke"):
        assert client.get(page_of(token, verb)).status_code == 403
        assert act(client, verb, token, overlap_s="0").status_code == 403
    assert not refused(plaintext)
    assert ApiToken.objects.count() == 1
