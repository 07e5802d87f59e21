"""The audit in the console."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from accounts.services.audit_buffer import flush_notes
from embeddings.constants import JobKind, JobState
from embeddings.models import Collection, Job
from tests.admin.conftest import queries_of

LIST = reverse("admin:accounts_auditentry_changelist")


@pytest.fixture
def made(collection: Collection) -> AuditEntry:
    return AuditEntry.objects.get(event="collection.create")


def page_of(made: AuditEntry, verb: str = "change") -> str:
    return reverse(f"admin:accounts_auditentry_{verb}", args=[made.pk])


def test_it_works(as_operator: Client, made: AuditEntry) -> None:
    page = as_operator.get(LIST, {"q": "collection.create"}).content.decode()
    assert str(made.object_id) in page
    detail = as_operator.get(page_of(made)).content.decode()
    assert "hashing-384" in detail


def test_nobody_changes_it(as_admin: Client, made: AuditEntry) -> None:
    assert as_admin.get(reverse("admin:accounts_auditentry_add")).status_code == 403
    assert as_admin.post(page_of(made), {"username": "mallory"}).status_code == 403
    assert as_admin.post(page_of(made, "delete"), {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [made.pk], "post": "yes"}
    as_admin.post(LIST, chosen)
    assert AuditEntry.objects.filter(pk=made.pk).exists()


def test_members_see_nothing(as_member: Client, made: AuditEntry) -> None:
    assert as_member.get(LIST).status_code == 403
    assert as_member.get(page_of(made)).status_code == 403


def test_a_refusal_is_on_record(as_member: Client) -> None:
    as_member.get(LIST)
    flush_notes()
    made = AuditEntry.objects.get(event="request.deny")
    assert (made.username, made.credential, made.outcome) == ("charlie", "session", "denied")
    assert made.object_id == "admin:accounts_auditentry_changelist"


def test_the_list_asks_as_much_for_many_as_for_one(as_admin: Client, made: AuditEntry) -> None:
    as_admin.get(LIST)
    assert len(queries_of(as_admin, LIST)) <= 5


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
