"""`/v1/audit`."""

import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import AuditEntry, User
from accounts.policy import Action, Role
from accounts.services.audit import entry, write_entries
from accounts.services.tokens import create_api_token
from embeddings.models import Collection, Grant
from embeddings.services import audit
from tests.api.assertions import assert_problem
from tests.api.conftest import client_of
from tests.factories import make_collection, make_user
from tests.statements import recorded_statements

PATH = "/v1/audit"


@pytest.fixture
def old() -> None:
    """Three entries of the same moment, one before and one behind; of no collection."""
    for name, at in (("1", "01"), ("2", "02"), ("3", "02"), ("4", "02"), ("5", "03")):
        time = f"2020-01-01T00:00:{at}Z"
        write_entries([entry(event="old.act", object_type="old", object_id=name, at=time)])


def entries(client: APIClient, **query: Any) -> list[dict[str, Any]]:
    response = client.get(PATH, query)
    assert response.status_code == 200, response.content
    found: list[dict[str, Any]] = response.json()["entries"]
    return found


def objects(client: APIClient, **query: Any) -> list[str]:
    return [found["object_id"] for found in entries(client, **query)]


def test_it_works(as_alice: APIClient, alice: User, collection: Collection) -> None:
    changed = as_alice.patch(
        "/v1/collection/drinks", {"description": "Hot"}, REMOTE_ADDR="203.0.113.9"
    )
    newest = entries(as_alice)[0]
    assert newest.pop("at").endswith("Z")
    assert newest.pop("id") == AuditEntry.objects.get(event="collection.update").pk
    assert newest == {
        "user": "alice",
        "user_id": alice.pk,
        "token_id": alice.api_tokens.get().pk,
        "credential": "api_token",
        "address": "203.0.113.9",
        "request_id": changed["X-Request-Id"],
        "event": "collection.update",
        "object_type": "collection",
        "object_id": str(collection.pk),
        "collection": "drinks",
        "collection_id": str(collection.pk),
        "before": {"description": ""},
        "after": {"description": "Hot"},
        "outcome": "success",
    }


def test_each_sees_what_the_policy_shows(
    as_alice: APIClient,
    as_bob: APIClient,
    as_charlie: APIClient,
    stranger: APIClient,
    collection: Collection,
    old: None,
) -> None:
    make_collection("others")
    mine = {str(collection.pk)}
    assert {found["collection_id"] for found in entries(as_alice)} == mine
    assert entries(as_charlie) == []
    assert entries(as_charlie, collection="drinks") == []
    assert {"drinks", "others", None} <= {found["collection"] for found in entries(as_bob)}
    assert_problem(stranger.get(PATH), 401)


def test_who_owns_by_grant(as_charlie: APIClient, charlie: User, collection: Collection) -> None:
    grant = Grant.objects.create(collection=collection, user=charlie, role=Role.EDITOR)
    assert entries(as_charlie) == []
    grant.role = Role.OWNER
    grant.save()
    assert entries(as_charlie) == entries(as_charlie, collection="drinks") != []


@pytest.mark.parametrize(
    ("narrowed", "seen"),
    [
        ({"collections": ["drinks"]}, {"drinks"}),
        ({"collections": []}, set()),
        ({"row_filter": {"lang": "en"}}, set()),
    ],
)
def test_narrowed_credentials(
    bob: User, collection: Collection, old: None, narrowed: dict[str, Any], seen: set[str]
) -> None:
    make_collection("others")
    if "collections" in narrowed:
        pks = [collection.pk for name in narrowed["collections"]]
        narrowed = {"collections": pks}
    _, plaintext = create_api_token(user=bob, name="narrow", **narrowed)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plaintext}")
    assert {found["collection"] for found in entries(client)} == seen


def test_without_the_scope(alice: User, collection: Collection) -> None:
    _, plaintext = create_api_token(user=alice, name="narrow", scopes=[Action.READ])
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plaintext}")
    assert_problem(client.get(PATH), 403)


def test_a_name_that_is_taken_again(as_alice: APIClient, collection: Collection) -> None:
    as_alice.delete("/v1/collection/drinks")
    assert entries(as_alice) == []
    dave = make_user("dave")
    make_collection("drinks", owner=dave)
    assert [found["event"] for found in entries(client_of(dave))] == ["collection.create"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"event": "old.act"}, 5),
        ({"event": "old."}, 5),
        ({"event": "old.a"}, 0),
        ({"object_type": "old", "object_id": "3"}, 1),
        ({"since": "2020-01-01T00:00:02Z", "event": "old."}, 4),
        ({"until": "2020-01-01T00:00:02Z"}, 1),
        ({"since": "2020-01-01T00:00:01", "until": "2020-01-01T00:00:03"}, 4),
        ({"user": "alice"}, 1),
        ({"user": "nobody"}, 0),
        ({"address": "203.0.113.9"}, 1),
        ({"request_id": "request-1"}, 1),
        ({"collection": "drinks", "event": "document."}, 1),
        ({"collection": "absent"}, 0),
        ({"outcome": "denied"}, 0),
        ({"outcome": "success", "event": "old."}, 5),
    ],
)
def test_filters(
    as_bob: APIClient,
    as_alice: APIClient,
    collection: Collection,
    old: None,
    query: dict[str, str],
    count: int,
) -> None:
    as_alice.delete(
        "/v1/collection/drinks/documents/tea",
        REMOTE_ADDR="203.0.113.9",
        HTTP_X_REQUEST_ID="request-1",
    )
    assert len(entries(as_bob, **query)) == count


def test_pages(as_bob: APIClient, old: None) -> None:
    query: dict[str, Any] = {"limit": 2, "event": "old."}
    seen = []
    for _ in range(3):
        page = as_bob.get(PATH, query).json()
        seen.append([found["object_id"] for found in page["entries"]])
        query["cursor"] = page["next_cursor"]
    assert seen == [["5", "4"], ["3", "2"], ["1"]]
    assert page["next_cursor"] is None


@pytest.mark.parametrize(
    "query",
    [
        {"event": "%"},
        {"outcome": "perhaps"},
        {"since": "yesterday"},
        {"cursor": "nonsense"},
        {"cursor": "MjAyMC0wMS0wMVQwMDowMDowMCswMDowMCAw"},
        {"address": "here"},
        {"user": "a\0"},
        {"who": "alice"},
    ],
)
def test_faults(as_bob: APIClient, query: dict[str, str]) -> None:
    assert_problem(as_bob.get(PATH, query), 400)


def test_years_are_read_some_days_at_a_time(
    as_bob: APIClient, old: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "DAYS_AT_ONCE", 1)
    for name, day in (("6", "02"), ("7", "04")):
        at = f"2020-01-{day}T23:59:59.999999Z"
        write_entries([entry(event="old.act", object_type="old", object_id=name, at=at)])
    assert objects(as_bob, event="old.act") == ["7", "6", "5", "4", "3", "2", "1"]
    between = {"since": "2020-01-01T00:00:02Z", "until": "2020-01-02T23:59:59.999999Z"}
    with recorded_statements() as statements:
        assert objects(as_bob, event="old.act", **between) == ["5", "4", "3", "2"]
    assert len([sql for sql in statements if 'FROM "audit_entries"' in sql]) == 2
    with recorded_statements() as statements:
        assert objects(as_bob, until="2020-02-01T00:00:00Z", limit=1) == ["7"]
    assert len([sql for sql in statements if 'FROM "audit_entries"' in sql]) == 2


def test_as_many_queries_for_many_as_for_one(as_alice: APIClient, collection: Collection) -> None:
    entries(as_alice)
    with recorded_statements() as one:
        entries(as_alice, limit=1)
    with recorded_statements() as many:
        assert len(entries(as_alice)) > 1
    assert len(one) == len(many) == 4


def test_nobody_writes_it(as_alice: APIClient, as_bob: APIClient) -> None:
    for method in ("post", "put", "patch", "delete"):
        assert_problem(getattr(as_bob, method)(PATH, {}), 405)


def test_entries_outlive_their_collections(as_bob: APIClient) -> None:
    gone = uuid.uuid4()
    write_entries([entry(event="a.b", object_type="a", object_id="1", collection_id=gone)])
    (found,) = entries(as_bob, event="a.b")
    assert (found["collection"], found["collection_id"]) == (None, str(gone))
