"""The console as a whole: its login, its front page, and files that need no other host."""

import re
from contextlib import closing

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.policy import SiteRole
from embeddings.models import Chunk, Generation
from tests.admin.conftest import make_staff

PASSWORD = "a long pass phrase"


def test_it_works(client: Client) -> None:
    user = make_staff("root", SiteRole.ADMIN)
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])

    response = client.post(
        "/admin/login/?next=/admin/", {"username": "root", "password": PASSWORD}, follow=True
    )

    page = response.content.decode()
    assert "Embedding service" in page
    for model in ("collection", "document", "job"):
        assert reverse(f"admin:embeddings_{model}_changelist") in page
    assert reverse("admin:accounts_apitoken_changelist") in page


def test_who_is_not_staff_stays_outside(client: Client, alice: User) -> None:
    client.force_login(alice)

    assert client.get("/admin/").headers["Location"].startswith("/admin/login/")


def test_an_inactive_admin_may_nothing(admin: User) -> None:
    admin.is_active = False

    assert not admin.has_perm("embeddings.view_collection")
    assert not admin.has_module_perms("embeddings")


def test_a_permission_given_by_hand_holds() -> None:
    from django.contrib.auth.models import Permission

    member = make_staff("dora", SiteRole.MEMBER)
    assert not member.has_perm("embeddings.view_collection")

    permission = Permission.objects.get(codename="view_collection")
    member.user_permissions.add(permission)
    member = User.objects.get(pk=member.pk)

    assert member.has_perm("embeddings.view_collection")
    assert member.has_module_perms("embeddings")
    assert not member.has_perm("embeddings.delete_collection")


def test_an_operator_sees_no_second_factors() -> None:
    operator, admin = make_staff("op", SiteRole.OPERATOR), make_staff("root", SiteRole.ADMIN)
    for app, model in (("otp_totp", "totpdevice"), ("otp_static", "staticdevice")):
        assert not operator.has_perm(f"{app}.view_{model}")
        assert not operator.has_module_perms(app)
        assert admin.has_perm(f"{app}.view_{model}")
        assert admin.has_module_perms(app)
    assert operator.has_perm("embeddings.view_job")
    assert not operator.has_perm("embeddings.delete_job")


@pytest.mark.parametrize("url", ["/admin/login/", "/admin/"])
def test_everything_comes_from_this_machine(as_admin: Client, url: str) -> None:
    page = as_admin.get(url, follow=True).content.decode()

    files = re.findall(r'<(?:link|script|img)[^>]+(?:href|src)="([^"]+)"', page)
    assert files
    for file in files:
        assert file.startswith("/static/"), file
        with closing(as_admin.get(file)) as response:
            assert response.status_code == 200, file


def test_rows_that_only_services_may_write_are_not_registered() -> None:
    assert not admin.site.is_registered(Chunk)
    assert not admin.site.is_registered(Generation)
