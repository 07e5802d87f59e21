"""API tokens in the console: narrowed, rotated, revoked with what they made."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from pydantic import SecretStr

from accounts.exceptions import InvalidToken
from accounts.models import ApiToken, User
from accounts.narrowing import Narrowing
from accounts.policy import Action, SiteRole
from accounts.services.tokens import create_api_token
from accounts.services.verified_tokens import verify_api_token
from embeddings.models import Collection
from tests.admin.conftest import client_of, make_staff

TOKENS = reverse("admin:accounts_apitoken_changelist")
ADD = reverse("admin:accounts_apitoken_add")


def secrets_in(response: Any) -> list[str]:
    return re.findall(r"emb_\w{12}_\w{48}", response.content.decode())


def act(client: Client, action: str, *tokens: ApiToken) -> Any:
    chosen = {"action": action, "_selected_action": [token.pk for token in tokens]}
    return client.post(TOKENS, chosen, follow=True)


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
    url = reverse("admin:accounts_apitoken_change", args=[token.pk])
    page = as_admin.get(url).content.decode()
    for text in ("drinks", "&quot;tenant&quot;: &quot;&lt;b&gt;&quot;", "10.0.0.0/8", "root"):
        assert text in page, text


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("row_filter", '{"a": {"$like": 1}}', "no operator"),
        ("row_filter", "[]", "send a JSON object"),
        ("row_filter", "{", "Enter a valid JSON"),
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


def test_one_is_rotated(as_admin: Client, alice: User) -> None:
    token, old = create_api_token(user=alice, name="script")
    (new,) = secrets_in(act(as_admin, "rotate", token))
    assert (new[:17], new != old) == (old[:17], True)
    assert not refused(old)
    assert not refused(new)
    other, _ = create_api_token(user=alice, name="other")
    assert "Choose one token" in act(as_admin, "rotate", token, other).content.decode()
    act(as_admin, "revoke", token)
    assert "stays so" in act(as_admin, "rotate", token).content.decode()


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
    for action in ("rotate", "revoke"):
        assert secrets_in(act(client, action, token)) == []
    assert not refused(plaintext)
    assert ApiToken.objects.count() == 1
