"""Identities, logins, second factors, applications and their tokens in the console."""

import re
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application

from accounts import second_factor
from accounts.models import Identity, Login, User
from accounts.models.audit import AuditEntry
from accounts.services.identities import link_identity
from tests.factories import make_user

PAGES = {
    "accounts_identity": {"add", "change"},
    "accounts_login": set(),
    "axes_accessattempt": set(),
    "otp_totp_totpdevice": set(),
    "otp_static_staticdevice": set(),
    "oauth2_provider_application": {"add", "change"},
    "oauth2_provider_accesstoken": set(),
    "oauth2_provider_refreshtoken": set(),
}


def page(name: str, *args: Any) -> str:
    return reverse(f"admin:{name}", args=args)


def events() -> list[str]:
    return [*AuditEntry.objects.order_by("id").values_list("event", flat=True)]


@pytest.mark.parametrize("name", PAGES)
def test_the_pages_are_there(
    as_admin: Client, as_operator: Client, as_member: Client, name: str
) -> None:
    assert as_admin.get(page(f"{name}_changelist")).status_code == 200
    seen = name.startswith(("accounts", "axes"))  # the others hold secrets
    assert as_operator.get(page(f"{name}_changelist")).status_code == (200 if seen else 403)
    assert as_member.get(page(f"{name}_changelist")).status_code == 403
    add = page(f"{name}_add")
    assert as_admin.get(add).status_code == (200 if "add" in PAGES[name] else 403)
    assert as_operator.get(add).status_code == 403


@pytest.mark.parametrize("name", ["grant", "idtoken"])
def test_what_is_no_business_of_people_has_no_page(as_admin: Client, name: str) -> None:
    assert as_admin.get(f"/admin/oauth2_provider/{name}/").status_code == 404


def test_an_identity_is_linked_and_taken_back(as_admin: Client, alice: User) -> None:
    fields = {"issuer": "certificate", "subject": "CN=reports", "user": alice.pk}
    assert as_admin.post(page("accounts_identity_add"), fields).status_code == 302
    made = Identity.objects.get(user=alice)
    assert as_admin.post(page("accounts_identity_add"), fields).status_code == 200  # taken
    delete = page("accounts_identity_delete", made.pk)
    assert as_admin.post(delete, {"post": "yes"}).status_code == 302
    assert not Identity.objects.exists()
    assert events() == ["identity.create", "identity.delete"]


def test_an_application_shows_its_secret_once(as_admin: Client, alice: User) -> None:
    fields = {
        "name": "reports",
        "authorization_grant_type": "client-credentials",
        "client_type": "confidential",
        "redirect_uris": "",
        "user": alice.pk,
    }
    shown = as_admin.post(page("oauth2_provider_application_add"), fields, follow=True)
    secret = re.search(r'value="([\w-]{80,})"', shown.content.decode())
    assert secret
    made = Application.objects.get()
    assert made.client_id in shown.content.decode()
    assert secret[1] not in repr(as_admin.session.items())
    change = page("oauth2_provider_application_change", made.pk)
    assert made.client_secret.startswith("pbkdf2_sha256_random$")
    for text in (secret[1], made.client_secret):
        assert text not in as_admin.get(change).content.decode()
    as_admin.post(change, {**fields, "name": "other"})
    assert Application.objects.get().client_secret == made.client_secret
    assert events() == ["application.create", "application.update"]


@pytest.mark.parametrize(
    ("grant", "changes"),
    [
        ("client-credentials", {"user": ""}),
        ("client-credentials", {"client_type": "public"}),
        ("authorization-code", {"redirect_uris": ""}),
        ("authorization-code", {"redirect_uris": "javascript:alert(1)"}),
        ("implicit", {}),
        ("password", {}),
    ],
)
def test_an_unsafe_application_is_not_made(
    as_admin: Client, alice: User, grant: str, changes: dict[str, Any]
) -> None:
    fields = {
        "name": "x",
        "authorization_grant_type": grant,
        "client_type": "confidential",
        "redirect_uris": "https://app.example/",
        "user": alice.pk,
        **changes,
    }
    assert as_admin.post(page("oauth2_provider_application_add"), fields).status_code == 200
    assert not Application.objects.exists()


def test_secrets_of_second_factors_are_never_shown(as_admin: Client, alice: User) -> None:
    address, codes = second_factor.enrol(user=alice)
    for name in ("otp_totp_totpdevice", "otp_static_staticdevice"):
        text = as_admin.get(page(f"{name}_changelist")).content.decode()
        assert "alice" in text
        found = re.search(r"/admin/\w+/\w+/(\d+)/change/", text)
        if found:
            text += as_admin.get(page(f"{name}_change", found[1])).content.decode()
        assert not any(code in text for code in codes)
        assert address.split("secret=")[1][:16] not in text


def test_what_is_deleted_is_on_record(as_admin: Client, alice: User) -> None:
    later = timezone.now() + timedelta(days=1)
    login = Login.objects.create(user=alice, digest=b"", auth_hash="", expires_at=later)
    token = AccessToken.objects.create(user=alice, token="x" * 30, expires=later)
    for name, row in (("accounts_login", login), ("oauth2_provider_accesstoken", token)):
        assert as_admin.post(page(f"{name}_delete", row.pk), {"post": "yes"}).status_code == 302
        assert not type(row).objects.exists()
    assert events() == ["login.delete", "oauth_token.delete"]


def test_a_lock_is_opened(as_admin: Client, alice: User, settings: Any) -> None:
    alice.is_staff = True
    alice.set_password("secret")
    alice.save()
    body = {"username": "alice", "password": "wrong"}
    for _ in range(settings.AXES_FAILURE_LIMIT):
        Client().post("/admin/login/", body)
    right = {**body, "password": "secret"}
    assert Client().post("/admin/login/", right).status_code != 302
    chosen = {"action": "delete_selected", "post": "yes", "_selected_action": "1"}
    chosen["_selected_action"] = str(AccessAttempt.objects.get().pk)
    as_admin.post(page("axes_accessattempt_changelist"), chosen)
    assert Client().post("/admin/login/", right).status_code == 302


def test_a_command_links_and_unlinks(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    make_user("robot")
    call_command("link_identity", "robot", "CN=reports")
    with pytest.raises(CommandError, match="already"):
        call_command("link_identity", "robot", "CN=reports")
    with pytest.raises(CommandError):
        call_command("link_identity", "nobody", "CN=x")
    call_command("link_identity", "robot", "CN=reports", "--remove")
    with pytest.raises(CommandError, match="is not robot"):
        call_command("link_identity", "robot", "CN=reports", "--remove")
    assert not Identity.objects.exists()
    assert link_identity(user=User.objects.get(), subject="7", issuer="https://id.example")


def test_a_command_makes_a_second_factor(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    make_user("robot")
    call_command("second_factor", "robot")
    address, *codes = capsys.readouterr().out.split("\n")[:-1]
    assert address.startswith("otpauth://totp/Embedding%20service%3Arobot?secret=")
    assert len(codes) == 10
    call_command("second_factor", "robot", "--remove")
    assert events() == ["second_factor.create", "second_factor.delete"]


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("otp_totp_totpdevice", "key"),
        ("oauth2_provider_application", "client_secret"),
        ("oauth2_provider_refreshtoken", "token"),
        ("accounts_apitoken", "digest"),
        ("accounts_user", "password"),
    ],
)
def test_no_secret_is_found_letter_by_letter(as_admin: Client, name: str, column: str) -> None:
    answer = as_admin.get(page(f"{name}_changelist"), {f"{column}__startswith": "a"})

    assert answer.status_code == 400


def test_what_was_done_to_the_erased_is_in_no_other_log(as_admin: Client, alice: User) -> None:
    identity = link_identity(user=alice, issuer="certificate", subject="CN=alice")

    as_admin.post(page("accounts_identity_delete", identity.pk), {"post": "yes"})

    assert not Identity.objects.exists()
    assert not LogEntry.objects.exists()
