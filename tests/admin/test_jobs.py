"""Jobs in the console."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEntry, User
from embeddings.constants import JobKind, JobState
from embeddings.models import Collection, Job
from tests.admin.conftest import queries_of
from tests.factories import make_user

LIST = reverse("admin:embeddings_job_changelist")
ROWS = reverse("admin:embeddings_job_progress")


def make_job(owner: User, state: JobState = JobState.QUEUED, **values: Any) -> Job:
    return Job.objects.create(owner=owner, state=state, **{"kind": JobKind.IMPORT, **values})


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


def act(client: Client, verb: str, *jobs: Job, confirmed: bool = True) -> Any:
    chosen = {"action": verb, "_selected_action": [job.pk for job in jobs]}
    return client.post(LIST, chosen | ({"confirmed": "yes"} if confirmed else {}), follow=True)


def test_it_works(as_operator: Client, job: Job) -> None:
    page = as_operator.get(LIST).content.decode()

    for shown in (str(job.pk), str(job.pk)[:8], "import", "queued", "alice", "drinks", "3 of ?"):
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
    asked = act(as_operator, "cancel", job, finished, confirmed=False).content.decode()
    job.refresh_from_db()
    assert job.state == JobState.QUEUED
    assert "Ends at once" in asked
    assert "import of drinks, by alice: queued, 3 of ? done" in asked

    page = act(as_operator, "cancel", job, finished).content.decode()

    job.refresh_from_db()
    finished.refresh_from_db()
    assert job.state == JobState.CANCELLED
    assert finished.state == JobState.SUCCEEDED
    assert "Cancelled 1 job." in page
    assert "succeeded already" in page


@pytest.mark.parametrize(
    ("verb", "before", "after"),
    [("cancel", JobState.RUNNING, JobState.CANCELLED), ("retry", JobState.PARKED, JobState.QUEUED)],
)
def test_the_page_of_a_job_asks_before_each_step(
    as_operator: Client, alice: User, verb: str, before: JobState, after: JobState
) -> None:
    job = make_job(alice, before, kind=JobKind.MEASURE_RECALL, done=3, total=10)
    assert page_of(job, verb) in as_operator.get(page_of(job)).content.decode()
    asked = as_operator.get(page_of(job, verb)).content.decode()
    assert f"{before}, 3 of 10 done" in asked
    job.refresh_from_db()
    assert job.state == before

    page = as_operator.post(page_of(job, verb), {"confirmed": "yes"}, follow=True)

    job.refresh_from_db()
    assert (job.state, page.redirect_chain) == (after, [(page_of(job), 302)])
    made = AuditEntry.objects.get(event=f"job.{verb}", object_id=str(job.pk))
    assert (made.username, made.credential) == ("bob", "session")
    again = as_operator.post(page_of(job, verb), {"confirmed": "yes"}, follow=True)
    assert "be cancelled" in again.content.decode() or "be retried" in again.content.decode()
    assert page_of(job, verb) not in again.content.decode()


def test_rows_go_on_while_they_are_under_way(as_operator: Client, alice: User) -> None:
    values = {"done": 250, "total": 1000, "rate": 5.0}
    running = make_job(alice, JobState.RUNNING, **values, started_at=timezone.now())
    ended = make_job(alice, JobState.SUCCEEDED, done=4, total=4)
    page = as_operator.get(LIST).content.decode()
    assert f'hx-get="{ROWS}?id={running.pk}&amp;"' in page
    assert "250 of 1,000 (25 %), 5.0/s, 2 min 30 s left" in " ".join(page.split())
    assert "1 of the jobs below is under way." in page

    Job.objects.filter(pk=running.pk).update(done=1000, state=JobState.SUCCEEDED)
    rows = as_operator.get(ROWS, {"id": [str(running.pk), str(ended.pk), "x"]}).content.decode()
    assert f'id="job-state-{running.pk}" class="job-state is-succeeded" hx-swap-oob="true"' in rows
    assert "1,000 of 1,000 (100 %)" in " ".join(rows.split())
    assert "hx-get" not in rows
    assert "None of the jobs below is under way." in rows
    assert as_operator.get(ROWS).status_code == 200
    assert as_operator.post(ROWS).status_code == 405


def test_a_page_refreshes_what_changes_alone(as_operator: Client, alice: User) -> None:
    refused = [{"line": 17, "param": "text", "code": "empty_text", "detail": "<i>Empty</i>."}]
    job = make_job(alice, JobState.RUNNING, refused=refused, started_at=timezone.now())
    part = as_operator.get(page_of(job), headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<div id="job-live"')
    assert f'hx-get="{page_of(job)}"' in part
    assert "&lt;i&gt;Empty&lt;/i&gt;" in part
    Job.objects.update(state=JobState.FAILED, error="It broke.", finished_at=timezone.now())
    page = as_operator.get(page_of(job)).content.decode()
    assert 'hx-trigger="every' not in page
    assert "It broke." in page


def test_the_page_of_a_job_asks_little(as_operator: Client, job: Job) -> None:
    as_operator.get(page_of(job))
    assert len(queries_of(as_operator, page_of(job))) <= 6


def test_a_member_does_not_even_look(as_member: Client, job: Job) -> None:
    assert as_member.get(LIST).status_code == 403
    assert act(as_member, "cancel", job).status_code == 403
    for url in (ROWS, page_of(job), page_of(job, "cancel"), page_of(job, "retry")):
        assert as_member.get(url).status_code == 403
    assert as_member.post(page_of(job, "cancel"), {"confirmed": "yes"}).status_code == 403
    job.refresh_from_db()
    assert job.state == JobState.QUEUED


def test_who_may_only_watch_steers_nothing(as_member: Client, job: Job) -> None:
    charlie = User.objects.get(username="charlie")
    charlie.user_permissions.add(Permission.objects.get(codename="view_job"))
    assert str(job.pk) in as_member.get(LIST).content.decode()
    page = as_member.get(page_of(job)).content.decode()
    for verb in ("cancel", "retry"):
        assert page_of(job, verb) not in page
        assert as_member.get(page_of(job, verb)).status_code == 403
        assert as_member.post(page_of(job, verb), {"confirmed": "yes"}).status_code == 403
        act(as_member, verb, job)
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
