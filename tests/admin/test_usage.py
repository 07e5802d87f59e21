"""The ledger in the console: summed for operators, and written by nobody."""

import csv
import io
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from embeddings.models import Collection, Usage
from tests.admin.conftest import queries_of

PAGE, CSV = reverse("admin:usage"), reverse("admin:usage_csv")
MARCH = {"start": "2026-03-01", "end": "2026-03-31"}


@pytest.fixture
def use(alice: User, collection: Collection) -> Callable[..., Usage]:
    def made(**values: Any) -> Usage:
        defaults = {"day": date(2026, 3, 14), "user": alice, "model": "e5", "requests": 4711}
        return Usage.objects.create(**{**defaults, **values})

    return made


def test_it_works(as_operator: Client, use: Callable[..., Usage], collection: Collection) -> None:
    use(collection=collection, cost=2)
    use(model="=HYPERLINK(1)", requests=1)
    asked = {**MARCH, "group_by": ["user", "collection", "model"]}

    page = as_operator.get(PAGE, asked).content.decode()

    for shown in ("4,711", "4,712", "alice", "drinks", "e5", "Total"):
        assert shown in page, shown
    rows = list(csv.DictReader(io.StringIO(as_operator.get(CSV, asked).content.decode())))
    assert [(row["user"], row["model"], row["requests"]) for row in rows] == [
        ("alice", "e5", "4711"),
        ("alice", "'=HYPERLINK(1)", "1"),
    ]


@pytest.mark.parametrize(
    ("narrowed", "is_found"),
    [
        ({"user": "alice"}, True),
        ({"user": "bob"}, False),
        ({"model": "e5"}, True),
        ({"collection": "drinks"}, False),
        ({"start": "2026-03-15"}, False),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else str(value),
)
def test_it_is_narrowed(
    as_admin: Client, use: Callable[..., Usage], narrowed: dict[str, str], is_found: bool
) -> None:
    use()
    assert ("4,711" in as_admin.get(PAGE, {**MARCH, **narrowed}).content.decode()) is is_found


def test_what_is_deleted_has_an_id(as_admin: Client, use: Callable[..., Usage]) -> None:
    use(user_id=987654)
    page = as_admin.get(PAGE, {**MARCH, "group_by": ["user", "token"]}).content.decode()
    assert "987654 (deleted)" in page


@pytest.mark.parametrize(
    "wrong", [{"start": "x"}, {"start": "2020-01-01"}, {"end": "2026-02-01"}], ids=str
)
def test_a_wrong_query_is_told(as_admin: Client, wrong: dict[str, str]) -> None:
    page = as_admin.get(PAGE, {**MARCH, **wrong})
    assert page.status_code == 200
    assert 'role="alert"' in page.content.decode()
    assert as_admin.get(CSV, {**MARCH, **wrong}).status_code == 400


def test_members_see_nothing_and_nobody_writes(as_member: Client, as_admin: Client) -> None:
    for url in (PAGE, CSV):
        assert as_member.get(url).status_code == 403
        assert as_admin.post(url).status_code == 405


def test_it_asks_as_much_for_many_as_for_one(as_admin: Client, use: Callable[..., Usage]) -> None:
    use()
    asked = {**MARCH, "group_by": ["user", "day", "model"]}
    before = len(queries_of(as_admin, PAGE, asked))
    for day in range(1, 9):
        use(day=date(2026, 3, day))
    assert len(queries_of(as_admin, PAGE, asked)) == before <= 8
