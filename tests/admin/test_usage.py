"""The ledger in the console: operators read it, and nobody writes."""

from datetime import date

import pytest
from django.test import Client

from accounts.policy import SiteRole
from embeddings.models import Usage
from tests.factories import make_user

pytestmark = pytest.mark.django_db

PATH = "/admin/embeddings/usage/"


def test_it_works() -> None:
    operator = make_user("bob", SiteRole.OPERATOR)
    operator.is_staff = True
    operator.save(update_fields=["is_staff"])
    row = Usage.objects.create(day=date(2026, 3, 14), user=operator, model="e5", requests=4711)
    client = Client()
    client.force_login(operator, backend="accounts.backends.RoleBackend")
    assert "4711" in client.get(PATH).content.decode()
    assert client.get(f"{PATH}{row.pk}/change/").status_code == 200
    for path in (f"{PATH}add/", f"{PATH}{row.pk}/delete/"):
        assert client.post(path, {"post": "yes"}).status_code == 403
    assert Usage.objects.filter(pk=row.pk).exists()
