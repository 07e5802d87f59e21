"""`manage.py benchmark console`."""

from io import StringIO
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from pytest_django.live_server_helper import LiveServer

from accounts.policy import SiteRole
from tests.admin.conftest import make_staff

pytestmark = pytest.mark.django_db(transaction=True)
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def boss(monkeypatch: pytest.MonkeyPatch) -> None:
    """An administrator, whose password is in the variable."""
    user = make_staff("boss", SiteRole.ADMIN)
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    monkeypatch.setenv("PASSWORD", PASSWORD)


def run(server: LiveServer, *arguments: str) -> dict[str, Any]:
    out = StringIO()
    options = ["--url", server.url, "--username", "boss", "--rounds", "1", "--json"]
    call_command("benchmark", "console", *options, *arguments, stdout=out)
    report: dict[str, Any] = orjson.loads(out.getvalue())
    return report


def test_it_works(live_server: LiveServer) -> None:
    more = reverse("admin:accounts_user_add")
    report = run(live_server, "--pages", more)

    users = reverse("admin:accounts_user_changelist")
    assert {users, more, reverse("admin:models")} <= report["pages"].keys()
    assert report["pages"][users]["ms"] > 0
    assert report["pages"][users]["bytes"] > 10_000
    taken = [page["ms"] for page in report["pages"].values()]
    assert taken == sorted(taken, reverse=True)


def test_a_page_that_is_not_there_is_told(live_server: LiveServer) -> None:
    with pytest.raises(CommandError, match="/admin/nothing/ answers 404"):
        run(live_server, "--pages", "/admin/nothing/")


@pytest.mark.parametrize(("password", "told"), [("wrong", "refuses"), ("", "PASSWORD must have")])
def test_who_may_not_come_in_is_told(
    live_server: LiveServer, monkeypatch: pytest.MonkeyPatch, password: str, told: str
) -> None:
    monkeypatch.setenv("PASSWORD", password)
    with pytest.raises(CommandError, match=told):
        run(live_server)
