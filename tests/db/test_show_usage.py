"""`show_usage`: the ledger for people, as JSON and as CSV."""

import io
import json
from datetime import date
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.policy import SiteRole
from embeddings.models import Usage
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _ledger() -> None:
    make_user("root", SiteRole.ADMIN)
    for name, requests in (("alice", 1200), ("bob", 3)):
        day, cost = date(2026, 3, 14), "0.5"
        user = make_user(name)
        Usage.objects.create(day=day, user=user, model="e5", requests=requests, cost=cost)


def show(*arguments: str) -> str:
    output = io.StringIO()
    days = ("--start", "2026-03-01", "--end", "2026-03-31")
    call_command("show_usage", *days, *arguments, stdout=output)
    return output.getvalue()


def test_it_works() -> None:
    lines = [line.split() for line in show().splitlines()]
    assert lines[0][:3] == ["user", "model", "requests"]
    assert lines[1][:3] == ["alice", "e5", "1,200"]
    assert lines[2][:3] == ["bob", "e5", "3"]
    assert (lines[3][0], lines[3][-1]) == ("1,203", "1.0")


def test_as_json() -> None:
    report: dict[str, Any] = json.loads(show("--json", "--group-by", "day", "--user", "bob"))
    assert report["rows"][0].items() >= {"day": "2026-03-14", "requests": 3, "cost": 0.5}.items()
    assert report["total"]["requests"] == 3


def test_as_csv() -> None:
    assert show("--csv", "--group-by", "model").splitlines()[1] == "e5,1203,0,0,0,0,0,1"


def test_too_many_days_are_refused() -> None:
    with pytest.raises(CommandError, match="Ask for 1 to 366 days"):
        call_command("show_usage", "--start", "2020-01-01", "--end", "2026-01-01")
