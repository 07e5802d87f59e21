"""Users and API tokens in the console."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.exceptions import InvalidToken
from accounts.models import ApiToken, AuditEntry, User
from accounts.policy import SiteRole
from accounts.services.tokens import create_api_token
from accounts.services.verified_tokens import verify_api_token
from tests.admin.conftest import queries_of
from tests.factories import make_user

TOKENS = reverse("admin:accounts_apitoken_changelist")
ADD_TOKEN = reverse("admin:accounts_apitoken_add")
USERS = reverse("admin:accounts_user_changelist")
ADD_USER = reverse("admin:accounts_user_add")


def token_page(token: ApiToken, verb: str = "change") -> str:
    return reverse(f"admin:accounts_apitoken_{verb}", args=[token.pk])


def test_a_token_is_shown_once(as_admin: Client, alice: User) -> None:
    assert as_admin.get(ADD_TOKEN).status_code == 200

    response = as_admin.post(ADD_TOKEN, {"user": alice.pk, "name": "script"}, follow=True)

    page = response.content.decode()
    found = re.findall(r"emb_\w{12}_\w{48}", page)
    assert len(found) == 1
    token = verify_api_token(found[0])
    assert (token.user, token.name) == (alice, "script")
    assert ApiToken.objects.count() == 1
    for again in (TOKENS, token_page(token)):
        page = as_admin.get(again).content.decode()
        assert token.key in page
        assert found[0].split("_")[2] not in page


def test_the_digest_is_never_shown(as_admin: Client, alice: User) -> None:
    token, _ = create_api_token(user=alice, name="script")

    for url in (TOKENS, token_page(token), token_page(token, "delete")):
        page = as_admin.get(url).content.decode().lower()
        assert "digest" not in page
        assert bytes(token.digest).hex() not in page


def test_the_list_of_tokens(as_admin: Client, alice: User) -> None:
    token, _ = create_api_token(user=alice, name="<script>alert(1)</script>")
    as_admin.get(TOKENS)
    before = len(queries_of(as_admin, TOKENS))
    for _ in range(5):
        create_api_token(user=make_user(), name="x")

    page = as_admin.get(TOKENS).content.decode()

    assert f"emb_{token.key}_…" in page
    assert "<script>alert" not in page
    assert "alice" in page
    assert len(queries_of(as_admin, TOKENS)) == before <= 5


@pytest.mark.parametrize("term", ["script", "alice", "nothing"])
def test_tokens_are_searched(as_admin: Client, alice: User, term: str) -> None:
    token, _ = create_api_token(user=alice, name="script")

    page = as_admin.get(TOKENS, {"q": term}).content.decode()

    assert (token.key in page) is (term != "nothing")


def test_a_token_is_never_changed(as_admin: Client, alice: User) -> None:
    token, _ = create_api_token(user=alice, name="script")

    assert as_admin.post(token_page(token), {"user": alice.pk, "name": "x"}).status_code == 403


def test_tokens_are_revoked(as_admin: Client, alice: User) -> None:
    token, plaintext = create_api_token(user=alice, name="script")
    long_ago = timezone.now() - timedelta(days=9)
    revoked = create_api_token(user=alice, name="old")[0]
    ApiToken.objects.filter(pk=revoked.pk).update(revoked_at=long_ago)

    chosen = {"action": "revoke", "confirmed": "yes", "_selected_action": [token.pk, revoked.pk]}
    page = as_admin.post(TOKENS, chosen, follow=True).content.decode()

    assert "Revoked 1." in page
    with pytest.raises(InvalidToken):
        verify_api_token(plaintext)
    revoked.refresh_from_db()
    assert revoked.revoked_at == long_ago


def test_an_operator_sees_tokens_but_neither_makes_nor_revokes(
    as_operator: Client, as_member: Client, alice: User
) -> None:
    token, plaintext = create_api_token(user=alice, name="script")

    assert as_operator.get(TOKENS).status_code == 200
    assert as_operator.post(ADD_TOKEN, {"user": alice.pk, "name": "x"}).status_code == 403
    chosen = {"action": "revoke", "confirmed": "yes", "_selected_action": [token.pk]}
    as_operator.post(TOKENS, chosen)
    assert verify_api_token(plaintext) == token
    for url in (TOKENS, ADD_TOKEN, token_page(token), USERS, ADD_USER):
        assert as_member.get(url).status_code == 403


def test_the_list_of_users(as_admin: Client, alice: User) -> None:
    as_admin.get(USERS)
    before = len(queries_of(as_admin, USERS))
    for _ in range(5):
        make_user()

    page = as_admin.get(USERS, {"q": "alice"}).content.decode()

    assert "alice" in page
    assert len(queries_of(as_admin, USERS)) == before <= 5


def test_a_user_is_made_with_a_role(as_admin: Client) -> None:
    password = "a long pass phrase"
    values = {"username": "erin", "password1": password, "password2": password}

    response = as_admin.post(ADD_USER, {**values, "usable_password": "true", "role": "operator"})

    assert response.status_code == 302, response.content.decode()
    erin = User.objects.get(username="erin")
    assert erin.site_role == SiteRole.OPERATOR
    page = as_admin.get(reverse("admin:accounts_user_change", args=[erin.pk])).content.decode()
    assert 'name="role"' in page


def test_a_user_who_owns_collections_is_not_deleted(
    as_admin: Client, alice: User, collection: Any
) -> None:
    url = reverse("admin:accounts_user_delete", args=[alice.pk])

    as_admin.post(url, {"post": "yes"})

    assert User.objects.filter(pk=alice.pk).exists()


def test_a_changed_password_is_on_record(as_admin: Client, admin: User, alice: User) -> None:
    old, new = "correct horse battery", "a long pass phrase"
    admin.set_password(old)
    admin.save(update_fields=["password"])
    as_admin.force_login(admin)
    others = reverse("admin:auth_user_password_change", args=[alice.pk])
    body = {"password1": new, "password2": new, "usable_password": "true"}
    own = {"old_password": old, "new_password1": new, "new_password2": new}

    refused = as_admin.post("/admin/password_change/", own | {"old_password": "wrong"})
    assert refused.status_code == 200
    assert not AuditEntry.objects.filter(event="user.update").exists()
    assert as_admin.post(others, body).status_code == 302
    assert as_admin.post("/admin/password_change/", own).status_code == 302

    for user in (alice, admin):
        user.refresh_from_db()
        assert user.check_password(new)
        made = AuditEntry.objects.get(event="user.update", object_id=str(user.pk))
        assert (made.username, made.credential) == ("root", "session")
        assert made.before is not None
        assert made.after is not None
        assert made.before["password"] != made.after["password"]
        assert made.after["password"].startswith("hmac-sha256:")
    assert as_admin.get("/admin/").status_code == 200
