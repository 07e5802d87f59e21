"""Sessions of the console: listed without their keys, and ended."""

from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, User
from accounts.services.sessions import list_sessions
from tests.admin.conftest import client_of, queries_of

PAGE = reverse("admin:sessions")


def test_it_works(as_admin: Client, alice: User) -> None:
    alice.is_staff = True
    alice.save(update_fields=["is_staff"])
    as_alice = client_of(alice)
    assert as_alice.get("/admin/").status_code == 200
    (hers,) = (session for session in list_sessions() if session.username == "alice")

    page = as_admin.get(PAGE).content.decode()
    end = reverse("admin:session_end", args=[hers.id])
    assert end in page
    assert "this one" in page
    for client in (as_admin, as_alice):
        assert str(client.session.session_key) not in page
    assert "alice is logged out" in as_admin.get(end).content.decode()
    assert as_admin.post(end).status_code == 302

    assert as_alice.get("/admin/").status_code == 302
    told = AuditEntry.objects.get(event="session.delete")
    assert (told.username, told.object_type, told.object_id) == ("root", "user", str(alice.pk))
    assert as_admin.get(end).status_code == 404


def test_only_administrators(as_operator: Client, as_admin: Client) -> None:
    end = reverse("admin:session_end", args=[list_sessions()[0].id])
    assert as_operator.get(PAGE).status_code == 403
    assert as_operator.post(end).status_code == 403
    assert as_admin.post(PAGE).status_code == 405


def test_it_asks_as_much_for_many_as_for_one(as_admin: Client, as_operator: Client) -> None:
    as_admin.get(PAGE)
    before = len(queries_of(as_admin, PAGE))
    for _ in range(3):
        client_of(User.objects.get(username="bob"))
    assert len(list_sessions()) == 5
    assert len(queries_of(as_admin, PAGE)) == before <= 6
