"""Jobs end with the right of who asked for them."""

from collections.abc import Callable

import pytest

from accounts.models import ApiToken, AuditEntry, User
from accounts.payer import Payer, paying
from accounts.policy import Role, SiteRole
from accounts.services.tokens import create_api_token, revoke_api_token
from embeddings.constants import JobKind
from embeddings.models import Collection, Grant, Job
from embeddings.services import job_runs
from embeddings.services.job_runs import JobRun, check_run, record_progress, run_job
from embeddings.services.jobs import start_job
from tests.factories import make_collection, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def bob() -> User:
    """Edits Alice's collection."""
    bob = make_user("bob")
    Grant.objects.create(
        collection=make_collection("drinks", owner=make_user("alice")),
        user=bob,
        role=Role.EDITOR.value,
    )
    return bob


@pytest.fixture
def token(bob: User) -> ApiToken:
    return create_api_token(user=bob, name="loader")[0]


def start(bob: User, token: ApiToken, kind: JobKind = JobKind.IMPORT) -> Job:
    with paying(Payer(bob.pk, token_id=token.pk)):
        return start_job(owner_id=bob.pk, kind=kind, collection=Collection.objects.get(), total=10)


def run_while(job: Job, happens: Callable[[], object]) -> Job:
    """It happens after the fourth of ten."""

    def work(run: JobRun) -> None:
        check_run(run=run)
        record_progress(run=run, done=4)
        happens()
        check_run(run=run)

    run_job(job_id=job.pk, work=work)
    job.refresh_from_db()
    return job


def revoke(token: ApiToken) -> None:
    revoke_api_token(token=token)


def deactivate(token: ApiToken) -> None:
    User.objects.filter(pk=token.user_id).update(is_active=False)


def take_grant(token: ApiToken) -> None:
    Grant.objects.filter(user_id=token.user_id).update(role=Role.VIEWER.value)


@pytest.mark.parametrize(
    ("happens", "why"),
    [
        (revoke, "the API token that started it was revoked"),
        (deactivate, "its owner was deactivated"),
        (take_grant, "its owner may not write in the collection any more"),
    ],
)
def test_it_works(
    bob: User,
    token: ApiToken,
    monkeypatch: pytest.MonkeyPatch,
    happens: Callable[[ApiToken], None],
    why: str,
) -> None:
    monkeypatch.setattr(job_runs, "RIGHT_CHECK_S", 0)
    job = run_while(start(bob, token), lambda: happens(token))
    assert job.state == "cancelled"
    assert job.error == f"Cancelled as {why}, after 4 of 10; what was stored stays."
    assert AuditEntry.objects.filter(event="job.cancel", object_id=str(job.pk)).exists()


def test_what_is_queued_is_not_begun(bob: User, token: ApiToken) -> None:
    job = start(bob, token)
    revoke(token)
    assert run_while(job, lambda: None).done == 0
    assert job.state == "cancelled"


def test_the_right_is_not_looked_for_at_every_step(bob: User, token: ApiToken) -> None:
    job = run_while(start(bob, token), lambda: revoke(token))
    assert job.state == "succeeded"


def test_what_keeps_a_collection_in_order_goes_on(bob: User, token: ApiToken) -> None:
    job = start(bob, token, JobKind.BUILD_INDEX)
    revoke(token)
    deactivate(token)
    assert run_while(job, lambda: None).state == "succeeded"


def test_warming_without_a_collection_takes_an_operator(bob: User, token: ApiToken) -> None:
    User.objects.filter(pk=bob.pk).update(role=SiteRole.OPERATOR.value)
    for role, state in ((SiteRole.OPERATOR, "succeeded"), (SiteRole.MEMBER, "cancelled")):
        job = start_job(owner_id=bob.pk, kind=JobKind.WARM_CACHE, collection=None)
        User.objects.filter(pk=bob.pk).update(role=role.value)
        assert run_while(job, lambda: None).state == state
