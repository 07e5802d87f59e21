"""Jobs in the console."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from embeddings.constants import JobKind, JobState
from embeddings.models import Collection, Job
from tests.admin.conftest import queries_of
from tests.factories import make_user

LIST = reverse("admin:embeddings_job_changelist")


def make_job(owner: User, state: JobState = JobState.QUEUED, **values: Any) -> Job:
    return Job.objects.create(owner=owner, kind=JobKind.IMPORT, state=state, **values)


@pytest.fixture
def job(alice: User, collection: Collection) -> Job:
    return make_job(
        alice,
        collection=collection,
        done=3,
        params={"name": "<script>alert(1)</script>"},
        error="<b>bold</b>",
    )


def page_of(job: Job, verb: str = "change") -> str:
    return reverse(f"admin:embeddings_job_{verb}", args=[job.pk])


def cancel(client: Client, *jobs: Job) -> Any:
    chosen = {"action": "cancel", "_selected_action": [job.pk for job in jobs]}
    return client.post(LIST, chosen, follow=True)


def test_it_works(as_operator: Client, job: Job) -> None:
    page = as_operator.get(LIST).content.decode()

    for shown in (str(job.pk), "import", "queued", "alice", "drinks", "3 of ?"):
        assert shown in page


def test_the_list_asks_as_much_for_many_as_for_one(as_admin: Client, job: Job) -> None:
    as_admin.get(LIST)
    before = len(queries_of(as_admin, LIST))
    for _ in range(5):
        make_job(make_user(), collection=job.collection)

    assert len(queries_of(as_admin, LIST)) == before <= 5


@pytest.mark.parametrize("term", ["alice", "drinks", "nothing"])
def test_it_is_searched(as_admin: Client, job: Job, term: str) -> None:
    page = as_admin.get(LIST, {"q": term}).content.decode()

    assert (str(job.pk) in page) is (term != "nothing")


def test_the_page_of_a_job_is_escaped_and_read_only(as_admin: Client, job: Job) -> None:
    page = as_admin.get(page_of(job)).content.decode()

    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert "<b>bold</b>" not in page
    assert as_admin.post(page_of(job), {"state": "failed"}).status_code == 403
    assert as_admin.get(reverse("admin:embeddings_job_add")).status_code == 403
    assert as_admin.get(page_of(job, "delete")).status_code == 403


def test_an_operator_cancels(as_operator: Client, alice: User, job: Job) -> None:
    finished = make_job(alice, JobState.SUCCEEDED, finished_at=timezone.now())

    page = cancel(as_operator, job, finished).content.decode()

    job.refresh_from_db()
    finished.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert finished.state == JobState.SUCCEEDED
    assert "Cancelled 1." in page
    assert "succeeded already" in page


def test_a_member_does_not_even_look(as_member: Client, job: Job) -> None:
    assert as_member.get(LIST).status_code == 403
    assert cancel(as_member, job).status_code == 403
    job.refresh_from_db()
    assert job.state == JobState.QUEUED


def test_a_user_goes_with_finished_jobs_but_not_with_others(as_admin: Client) -> None:
    dora = make_user("dora")
    job = make_job(dora)
    url = reverse("admin:accounts_user_delete", args=[dora.pk])

    assert as_admin.post(url, {"post": "yes"}).status_code == 403
    Job.objects.filter(pk=job.pk).update(state=JobState.FAILED, finished_at=timezone.now())
    assert as_admin.post(url, {"post": "yes"}).status_code == 302

    assert not User.objects.filter(username="dora").exists()
