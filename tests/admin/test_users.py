"""What the console shows of users and teams, and does to users."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts import second_factor
from accounts.exceptions import InvalidToken
from accounts.models import AuditEntry, Team, User
from accounts.services.budgets import budgets_of, reserve_tokens
from accounts.services.tokens import create_api_token
from accounts.services.verified_tokens import verify_api_token
from embeddings.models import Collection
from embeddings.services.grants import create_grant
from tests.admin.conftest import queries_of
from tests.factories import make_collection, make_user

ACTS = ("deactivate", "activate", "factor", "erase")


def page_of(row: Any, verb: str = "change") -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{verb}", args=[row.pk])


def shown(client: Client, url: str) -> str:
    return " ".join(client.get(url).content.decode().split())


def test_it_works(
    within_a_day: None, as_operator: Client, alice: User, collection: Collection
) -> None:
    alice.tokens_per_day = 1000
    alice.save(update_fields=["tokens_per_day"])
    reserve_tokens(budgets=budgets_of(alice.allowances), tokens=100)
    create_api_token(user=alice, name="<b>box</b>")
    other = make_collection("other")
    create_grant(collection=other, role="viewer", user="alice")  # type: ignore[arg-type]

    page = shown(as_operator, page_of(alice))

    for text in (
        "100 of 1,000 tokens (10 %)",
        "&lt;b&gt;box&lt;/b&gt;",
        ">other</a>",
        "Own collections",
    ):
        assert text in page, text
    assert page_of(alice, "erase") not in page


def test_a_page_asks_as_much_for_many_as_for_one(as_admin: Client, alice: User) -> None:
    as_admin.get(page_of(alice))
    create_api_token(user=alice, name="x")
    before = len(queries_of(as_admin, page_of(alice)))
    for number in range(4):
        create_api_token(user=alice, name="x")
        collection = make_collection(f"c{number}", owner=alice)
        create_grant(collection=collection, role="viewer", user="alice")  # type: ignore[arg-type]
    assert len(queries_of(as_admin, page_of(alice))) == before <= 30


def test_a_team(as_admin: Client, as_operator: Client, collection: Collection) -> None:
    team = Team.objects.create(name="readers", tokens_per_month=50)
    create_grant(collection=collection, role="editor", team="readers")  # type: ignore[arg-type]
    for client in (as_admin, as_operator):
        page = shown(client, page_of(team))
        assert "0 of 50 tokens (0 %)" in page
        assert ">drinks</a>" in page


def test_deactivated_and_activated_again(as_admin: Client, alice: User) -> None:
    _, plaintext = create_api_token(user=alice, name="box")
    assert "one of its 1 live" in shown(as_admin, page_of(alice, "deactivate"))
    assert verify_api_token(plaintext)

    assert as_admin.post(page_of(alice, "deactivate")).status_code == 302
    with pytest.raises(InvalidToken):
        verify_api_token(plaintext)
    assert as_admin.post(page_of(alice, "activate")).status_code == 302

    assert verify_api_token(plaintext)
    assert AuditEntry.objects.filter(event="user.update").count() == 2


def test_the_last_administrator_stays(as_admin: Client, admin: User) -> None:
    for verb, body in (("deactivate", {}), ("erase", {"username": "root"})):
        refused = as_admin.post(page_of(admin, verb), body)
        assert refused.status_code == 409
        assert "is the last active administrator" in refused.content.decode()
    assert User.objects.get(pk=admin.pk).administers


def test_a_lost_second_factor_is_removed(as_admin: Client, alice: User) -> None:
    assert "has none" in shown(as_admin, page_of(alice, "factor"))
    second_factor.enrol(user=alice)
    assert page_of(alice, "factor") in shown(as_admin, page_of(alice))
    assert as_admin.post(page_of(alice, "factor")).status_code == 302
    assert page_of(alice, "factor") not in shown(as_admin, page_of(alice))
    assert AuditEntry.objects.filter(event="second_factor.delete").exists()


def test_erased_with_a_report(as_admin: Client, alice: User, collection: Collection) -> None:
    create_api_token(user=alice, name="box")
    heir, url = make_user("heir"), page_of(alice, "erase")
    assert "owns 1 collections" in shown(as_admin, url)
    for body, told in (
        ({"username": "heir"}, "not the user&#x27;s name"),
        ({"username": "alice"}, "Say who gets them"),
        ({"username": "alice", "transfer_to": "nobody"}, "no active user"),
        ({}, "required"),
    ):
        assert told in as_admin.post(url, body).content.decode(), body
    assert User.objects.filter(pk=alice.pk).exists()

    report = as_admin.post(url, {"username": "alice", "transfer_to": "heir"})

    text = " ".join(report.content.decode().split())
    assert "<dt>Tokens</dt><dd>1</dd>" in text
    assert "What no erasure ends" in text
    assert not User.objects.filter(pk=alice.pk).exists()
    collection.refresh_from_db()
    assert collection.owner == heir


def test_only_administrators_act(as_operator: Client, alice: User) -> None:
    for verb in ACTS:
        assert as_operator.get(page_of(alice, verb)).status_code == 403
        assert as_operator.post(page_of(alice, verb), {"username": "alice"}).status_code == 403
    assert User.objects.get(pk=alice.pk).is_active
