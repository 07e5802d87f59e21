"""The audit in the console."""

import csv
import io
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest import MonkeyPatch

from accounts.models import AuditEntry
from accounts.services import audit_checks
from accounts.services.audit_buffer import flush_notes
from accounts.store import audit as store
from embeddings.constants import JobKind, JobState
from embeddings.models import Collection, Job
from tests.admin.conftest import queries_of
from tests.audit_chains import days_ago, link, run, unprotected, write

LIST = reverse("admin:audit")
DAYS = reverse("admin:audit_days")
YESTERDAY = days_ago(1)
TABLES = [f"audit_{kind}_{YESTERDAY:%Y%m%d}" for kind in ("entries", "links")]
ENTRIES, LINKS = TABLES


@pytest.fixture(autouse=True)
def _patience(monkeypatch: MonkeyPatch) -> None:
    """Checks are found, however long it takes."""
    monkeypatch.setattr(audit_checks, "CHECKS_WITHIN_MS", 600_000)


@pytest.fixture
def made(collection: Collection) -> AuditEntry:
    return AuditEntry.objects.get(event="collection.create")


def page_of(entry: AuditEntry) -> str:
    return reverse("admin:audit_entry", args=[entry.pk])


def change(entry: AuditEntry) -> None:
    """Past the triggers, which are to be disabled."""
    run(f"UPDATE {ENTRIES} SET username = 'eve' WHERE id = {entry.pk}")  # noqa: S608 - ours


def export(client: Client, kind: str, **filters: str) -> str:
    response: Any = client.get(reverse("admin:audit_export", args=[kind]), filters)
    assert response["Content-Disposition"] == f'attachment; filename="audit.{kind}"'
    return b"".join(response.streaming_content).decode()


def test_it_works(as_operator: Client, made: AuditEntry) -> None:
    page = as_operator.get(LIST).content.decode()
    assert page_of(made) in page
    detail = as_operator.get(page_of(made)).content.decode()
    assert "hashing-384" in detail


@pytest.mark.parametrize(
    ("filters", "is_found"),
    [
        ({"event": "collection.create"}, True),
        ({"event": "collection."}, True),
        ({"event": "document."}, False),
        ({"user": "nobody"}, False),
        ({"object_type": "collection", "collection": "drinks"}, True),
        ({"collection": "other"}, False),
        ({"outcome": "denied"}, False),
        ({"outcome": "success"}, True),
        ({"since": "2020-01-01T00:00"}, True),
        ({"until": "2020-01-01T00:00"}, False),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else str(value),
)
def test_filters(
    as_admin: Client, made: AuditEntry, filters: dict[str, str], is_found: bool
) -> None:
    page = as_admin.get(LIST, filters).content.decode()

    assert (page_of(made) in page) is is_found
    lines = export(as_admin, "ndjson", **filters).splitlines()
    assert (made.pk in [json.loads(line)["id"] for line in lines]) is is_found


def test_a_filter_that_is_none_is_told_beside_its_field(as_admin: Client) -> None:
    wrong = [{"event": "<script>"}, {"address": "here"}, {"since": "soon"}]
    for filters in (*wrong, {"outcome": "lost"}, {"user": "\0"}):
        page = as_admin.get(LIST, filters)
        assert page.status_code == 200
        assert 'role="alert"' in page.content.decode()
        assert '<script>"' not in page.content.decode()
        refused = as_admin.get(reverse("admin:audit_export", args=["csv"]), filters)
        assert refused.status_code == 400
    assert 'role="alert"' in as_admin.get(LIST, {"cursor": "x"}).content.decode()
    assert as_admin.get(reverse("admin:audit_export", args=["exe"])).status_code == 404


def test_page_after_page(as_admin: Client, made: AuditEntry) -> None:
    write(YESTERDAY, *(f"word{number}" for number in range(120)))
    seen: list[str] = []
    query: str | None = ""
    while query is not None:
        page = as_admin.get(LIST + query).content.decode()
        seen += re.findall(r'href="/admin/audit/(\d+)/"', page)
        following = re.search(r'href="([^"]+)" rel="next"', page)
        query = following and following[1].replace("&amp;", "&")
    assert len(seen) == len({*seen}) == AuditEntry.objects.count()


def test_before_and_after_side_by_side(as_admin: Client, collection: Collection) -> None:
    made = AuditEntry.objects.create(
        at=timezone.now(),
        event="collection.update",
        object_type="collection",
        object_id=str(collection.pk),
        outcome="success",
        before={"description": "old", "name": "drinks"},
        after={"description": "<b>new</b>", "name": "drinks", "language": "simple"},
    )

    page = as_admin.get(page_of(made)).content.decode()

    assert page.count('class="audit-changed"') == 2
    assert "&quot;old&quot;" in page
    assert "&lt;b&gt;new&lt;/b&gt;" in page
    assert "not there" in page


def test_the_chain_of_an_entry(as_admin: Client) -> None:
    first, second = write(YESTERDAY, "a", "b")
    for entry in (first, second):
        assert "It is what was written" in as_admin.get(page_of(entry)).content.decode()
    with unprotected(*TABLES):
        change(second)
    assert "It is not what was written" in as_admin.get(page_of(second)).content.decode()
    assert "It is what was written" in as_admin.get(page_of(first)).content.decode()
    with unprotected(*TABLES):
        run(f"DELETE FROM {LINKS} WHERE entry_id = {second.pk}")  # noqa: S608 - ours
    assert "It is in no chain" in as_admin.get(page_of(second)).content.decode()


def test_a_day_is_checked_and_that_is_on_record(as_operator: Client) -> None:
    first, _ = write(YESTERDAY, "a", "b")
    assert "not checked" in as_operator.get(DAYS).content.decode()
    body = {"day": f"{YESTERDAY:%Y-%m-%d}"}
    assert "whole, 2 entries." in as_operator.post(DAYS, body).content.decode()
    told = AuditEntry.objects.get(event="audit.verify")
    assert (told.username, told.object_id, told.outcome) == ("bob", body["day"], "success")
    assert told.after == {"entries": 2, "complete": True, "problem": None}

    page = as_operator.get(DAYS).content.decode()
    assert "the first 2, " in page
    assert "whole so far" not in page
    write(YESTERDAY, "c")
    assert "whole so far" in as_operator.get(DAYS).content.decode()

    with unprotected(*TABLES):
        change(first)
    page = as_operator.post(DAYS, body).content.decode()
    assert f"was changed. Link 1, entry {first.pk}" in " ".join(page.split())
    assert AuditEntry.objects.filter(event="audit.verify", outcome="failure").exists()
    assert "broken" in as_operator.get(DAYS).content.decode()


def test_checks_that_are_not_found_in_time(as_admin: Client, monkeypatch: MonkeyPatch) -> None:
    write(YESTERDAY, "a")
    monkeypatch.setattr(audit_checks, "CHECKS_WITHIN_MS", 20)
    monkeypatch.setattr(store, "CHECKS", "SELECT pg_sleep(5) WHERE %s IS NOT NULL")
    page = as_admin.get(DAYS).content.decode()
    assert "unknown" in page
    assert "not checked" not in page


def test_days_that_are_none(as_admin: Client) -> None:
    for day in ("", "x", f"{YESTERDAY - timedelta(days=9000):%Y-%m-%d}"):
        assert as_admin.post(DAYS, {"day": day}).status_code == 404


def test_anchors_are_taken_along(as_admin: Client) -> None:
    write(YESTERDAY, "a", "b")
    link()
    lines = as_admin.get(reverse("admin:audit_anchors")).content.decode().splitlines()
    assert {json.loads(line)["day"] for line in lines} >= {f"{YESTERDAY:%Y-%m-%d}"}
    with unprotected("audit_days"):
        run("UPDATE audit_days SET hash = sha256('x')")
    assert as_admin.get(reverse("admin:audit_anchors")).status_code == 409
    assert "is broken at" in as_admin.get(DAYS).content.decode()


def test_csv_holds_no_formulas(as_admin: Client, collection: Collection) -> None:
    AuditEntry.objects.create(
        at=timezone.now(),
        username="=HYPERLINK(1)",
        event="texts.embed",
        object_id="@x",
        outcome="success",
        collection_id=collection.pk,
        after={"n": 1},
    )
    (row,) = csv.DictReader(io.StringIO(export(as_admin, "csv", event="texts.embed")))
    assert (row["user"], row["object_id"]) == ("'=HYPERLINK(1)", "'@x")
    assert (row["collection"], json.loads(row["after"])) == ("drinks", {"n": 1})


def test_nobody_changes_it(as_admin: Client, made: AuditEntry) -> None:
    for url in (LIST, page_of(made), reverse("admin:audit_export", args=["csv"])):
        for method in ("post", "put", "patch", "delete"):
            assert getattr(as_admin, method)(url).status_code == 405
    assert as_admin.get("/admin/accounts/auditentry/").status_code == 404
    assert AuditEntry.objects.filter(pk=made.pk).exists()


def test_members_see_nothing(as_member: Client, made: AuditEntry) -> None:
    names = ("audit", "audit_days", "audit_anchors")
    for url in (page_of(made), *(reverse(f"admin:{name}") for name in names)):
        assert as_member.get(url).status_code == 403
    assert as_member.get(reverse("admin:audit_export", args=["csv"])).status_code == 403
    assert as_member.post(DAYS, {"day": f"{YESTERDAY:%Y-%m-%d}"}).status_code == 403


def test_a_refusal_is_on_record(as_member: Client) -> None:
    as_member.get(LIST)
    flush_notes()
    made = AuditEntry.objects.get(event="request.deny")
    assert (made.username, made.credential, made.outcome) == ("charlie", "session", "denied")
    assert made.object_id == "admin:audit"


def test_the_list_asks_as_much_for_many_as_for_one(as_admin: Client, made: AuditEntry) -> None:
    as_admin.get(LIST)
    before = len(queries_of(as_admin, LIST))
    write(YESTERDAY, "a", "b", "c")
    assert len(queries_of(as_admin, LIST)) == before <= 5


def test_who_acts_in_the_console_is_on_record(as_admin: Client, collection: Collection) -> None:
    job = Job.objects.create(
        owner=collection.owner,
        kind=JobKind.IMPORT,
        state=JobState.SUCCEEDED,
        finished_at=collection.created_at,
    )
    page = reverse("admin:embeddings_job_delete", args=[job.pk])
    assert as_admin.post(page, {"post": "yes"}, REMOTE_ADDR="203.0.113.9").status_code == 302
    made = AuditEntry.objects.get(event="job.delete")
    assert (made.username, made.credential, made.address) == ("root", "session", "203.0.113.9")
