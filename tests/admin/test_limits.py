"""Limits in the console, with what is used of them."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Team, User
from accounts.services.budgets import budgets_of, reserve_tokens
from accounts.services.tokens import create_api_token, revoke_api_token
from tests.admin.conftest import queries_of
from tests.factories import make_user

pytestmark = pytest.mark.usefixtures("within_a_day")

PAGE = reverse("admin:limits")


def test_it_works(as_operator: Client, alice: User) -> None:
    team = Team.objects.create(name="<b>readers</b>", tokens_per_month=10_000)
    token, _ = create_api_token(user=alice, name="box", tokens_per_day=1000)
    ended, _ = create_api_token(user=alice, name="ended", tokens_per_day=1000)
    revoke_api_token(token=ended)
    alice.requests_per_minute = 60
    alice.save(update_fields=["requests_per_minute"])
    make_user("unlimited-user")
    reserve_tokens(budgets=budgets_of(token.allowances + team.allowances), tokens=900)

    page = " ".join(as_operator.get(PAGE).content.decode().split())

    for text in ("900 of 1,000", "900 of 10,000", "&lt;b&gt;readers", ">60</td>"):
        assert text in page, text
    assert "unlimited-user" not in page
    assert ">ended</a>" not in page
    # Who has used most of a budget comes first.
    places = [page.index(name) for name in (">box</a>", "&lt;b&gt;readers", ">alice</a>")]
    assert places == sorted(places)


def test_members_see_nothing(as_member: Client) -> None:
    assert as_member.get(PAGE).status_code == 403


def test_it_asks_as_much_for_many_as_for_one(as_admin: Client, alice: User) -> None:
    create_api_token(user=alice, name="x", tokens_per_day=1)
    as_admin.get(PAGE)
    before = len(queries_of(as_admin, PAGE))
    for number in range(5):
        create_api_token(user=alice, name=f"x{number}", tokens_per_day=1)
        Team.objects.create(name=f"t{number}", requests_per_minute=1)
    assert len(queries_of(as_admin, PAGE)) == before <= 8
