"""`/v1/usage`: everyone's own use, all of it for operators, as JSON and as CSV."""

import csv
from datetime import date
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import ApiToken, Team, User
from embeddings.models import Collection, Usage
from embeddings.services import usage_report
from tests.api.assertions import assert_problem
from tests.api.conftest import client_of

PATH = "/v1/usage"
MODEL = "hashing-384"
DAY = date(2026, 3, 14)


def ledger(user: User, *, day: date = DAY, **values: Any) -> Usage:
    return Usage.objects.create(day=day, user=user, model=MODEL, **values)


def grouped(client: APIClient, *names: str, **query: Any) -> list[dict[str, Any]]:
    days = {"start": "2026-03-01", "end": "2026-03-31"}
    answer = client.get(PATH, {**days, "group_by": ",".join(names), **query})
    assert answer.status_code == 200, answer.content
    rows: list[dict[str, Any]] = answer.json()["rows"]
    return rows


def test_it_works(within_a_day: None, as_alice: APIClient, collection: Collection) -> None:
    as_alice.post("/v1/embed", {"input": ["hot tea", "tea"]})
    as_alice.post("/v1/search", {"collection": "drinks", "query": "tea"})
    as_alice.post("/v1/add", {"collection": "drinks", "documents": [{"id": "m", "text": "milk"}]})

    today = timezone.now().date()
    answer = as_alice.get(PATH).json()
    amounts = {"requests": 3, "tokens": 5, "cached_tokens": 0, "documents": 1, "cost": 0.0}
    assert (answer["start"], answer["end"]) == (str(today.replace(day=1)), str(today))
    [row] = answer["rows"]
    assert row.items() >= ({"day": str(today), "model": MODEL} | amounts).items()
    assert row["compute_ms"] > 0
    assert answer["total"] == {name: row[name] for name in answer["total"]}

    by = as_alice.get(PATH, {"group_by": "collection,token"}).json()["rows"]
    key = ApiToken.objects.get(user__username="alice").key
    seen = [(r["collection"], r["token"], r["token_name"], r["requests"]) for r in by]
    assert sorted(seen, key=str) == [("drinks", key, "test", 2), (None, key, "test", 1)]


def test_everyone_sees_its_own_and_operators_all(
    as_alice: APIClient, as_bob: APIClient, as_charlie: APIClient, alice: User, charlie: User
) -> None:
    ledger(alice, requests=3, cost="0.25")
    ledger(charlie, requests=5)
    sums = {
        name: [(row["user"], row["requests"], row["cost"]) for row in grouped(client, "user")]
        for name, client in (("alice", as_alice), ("bob", as_bob), ("charlie", as_charlie))
    }
    assert sums == {
        "alice": [("alice", 3, 0.25)],
        "bob": [("alice", 3, 0.25), ("charlie", 5, 0.0)],
        "charlie": [("charlie", 5, 0.0)],
    }
    # Whether there is another is not to be learned.
    assert grouped(as_charlie, "user", user="alice") == grouped(as_charlie, "user", user="nobody")
    assert grouped(as_bob, "day", user="alice")[0]["requests"] == 3


def test_strangers_and_tokens_out_of_scope_are_refused(stranger: APIClient, alice: User) -> None:
    assert_problem(stranger.get(PATH), 401, "not_authenticated")
    client = client_of(alice)
    ApiToken.objects.filter(user=alice).update(scopes=["search"])
    assert_problem(client.get(PATH), 403, "forbidden")


def test_a_token_for_a_collection_sees_its_use_alone(alice: User, collection: Collection) -> None:
    client = client_of(alice)
    ApiToken.objects.filter(user=alice).update(collections=[collection.pk])
    ledger(alice, requests=1)
    ledger(alice, requests=2, collection=collection)
    assert [row["requests"] for row in grouped(client, "day")] == [2]


def test_a_token_for_some_documents_sees_its_use_alone(
    as_alice: APIClient, alice: User, collection: Collection
) -> None:
    client = client_of(alice)
    token = ApiToken.objects.filter(user=alice).latest("pk")
    ApiToken.objects.filter(pk=token.pk).update(row_filter={"lang": "en"})
    ledger(alice, requests=1, collection=collection)
    ledger(alice, requests=2, collection=collection, token_id=token.pk)
    assert [row["requests"] for row in grouped(client, "day")] == [2]
    assert [row["requests"] for row in grouped(as_alice, "day")] == [3]


def test_what_is_gone_or_hidden_has_no_name(
    as_alice: APIClient, as_bob: APIClient, alice: User, charlie: User, collection: Collection
) -> None:
    ledger(charlie, requests=2, collection=collection, team_id=10**9, token_id=10**9)
    [seen] = grouped(client_of(charlie), "collection", "team", "token")
    assert (seen["collection"], seen["collection_id"]) == (None, str(collection.pk))
    assert (seen["team"], seen["token"], seen["token_name"]) == (None, None, None)
    assert grouped(as_bob, "collection")[0]["collection"] == "drinks"
    # Whoever may not see a collection can't ask by its name what is its.
    assert grouped(client_of(charlie), "day", collection="drinks") == []


def test_narrowed_by_names(as_bob: APIClient, alice: User, collection: Collection) -> None:
    team = Team.objects.create(name="kitchen")
    ledger(alice, requests=1, team=team)
    ledger(alice, requests=2, collection=collection)
    Usage.objects.create(day=DAY, user=alice, model="other", requests=4)
    for query, requests in (
        ({"team": "kitchen"}, 1),
        ({"collection": "drinks"}, 2),
        ({"model": "other"}, 4),
        ({"user": "alice"}, 7),
        ({"user": "alice", "model": "absent"}, None),
    ):
        rows = grouped(as_bob, "user", **query)
        assert [row["requests"] for row in rows] == ([] if requests is None else [requests])


def test_days_are_bounds(as_alice: APIClient, alice: User) -> None:
    for number in (1, 2, 3):
        ledger(alice, day=date(2026, 3, number), requests=number)
    rows = grouped(as_alice, "day", start="2026-03-02", end="2026-03-03")
    assert [(row["day"], row["requests"]) for row in rows] == [("2026-03-02", 2), ("2026-03-03", 3)]


def test_as_csv(as_bob: APIClient, alice: User) -> None:
    team = Team.objects.create(name='=HYPERLINK("x")')
    ledger(alice, requests=3, team=team, cost="0.0000012")
    query = {"start": "2026-03-14", "end": "2026-03-14", "group_by": "team,day"}
    answer = as_bob.get(PATH, query, headers={"Accept": "text/csv"})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    [row] = csv.DictReader(answer.content.decode().splitlines())
    assert (row["team"], row["day"], row["requests"]) == ('\'=HYPERLINK("x")', "2026-03-14", "3")
    assert row["cost"] == "0.0000012"

    nothing = as_bob.get(PATH, query | {"user": "x"}, headers={"Accept": "text/csv"})
    assert nothing.content.decode().splitlines()[1] == "0,0,0,0,0,0,0"


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"group_by": "day,day"}, "group_by"),
        ({"group_by": "cost"}, "group_by"),
        ({"group_by": ""}, "group_by"),
        ({"start": "yesterday"}, "start"),
        ({"start": "2026-03-02", "end": "2026-03-01"}, "start"),
        ({"start": "2025-01-01", "end": "2026-03-01"}, "start"),
        ({"user": "nul\0"}, "user"),
        ({"by": "day"}, "by"),
    ],
    ids=lambda value: str(value).replace("\0", "0"),
)
def test_bad_queries_are_refused(as_alice: APIClient, query: Any, param: str) -> None:
    assert_problem(as_alice.get(PATH, query), 400, param=param)


def test_too_many_rows_are_refused(
    as_alice: APIClient, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage_report, "MAX_ROWS", 1)
    for number in (1, 2):
        ledger(alice, day=date(2026, 3, number))
    query = {"start": "2026-03-01", "end": "2026-03-02", "group_by": "day"}
    assert_problem(as_alice.get(PATH, query), 400, param="group_by")
    assert len(grouped(as_alice, "user")) == 1
