"""Deleting what a filter lets through, batch by batch."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.policy import Role
from embeddings.constants import JobState
from embeddings.exceptions import InvalidFilter
from embeddings.models import Chunk, Collection, Document, Grant, Job
from embeddings.services import document_deletion
from embeddings.services.document_deletion import run_deletion, start_deletion
from embeddings.services.job_runs import JobRetry
from tests.factories import make_collection, make_document, make_user

pytestmark = pytest.mark.django_db
OLD = {"old": True}


@pytest.fixture
def collection(monkeypatch: pytest.MonkeyPatch) -> Collection:
    """Five that are old and one that is not, in batches of two."""
    monkeypatch.setattr(document_deletion, "BATCH_DOCUMENTS", 2)
    made = make_collection("drinks")
    for number in range(5):
        make_document(made, external_id=f"old-{number}", old=True)
    make_document(made, external_id="tea", old=False)
    return made.show_whole()


def start(collection: Collection, owner_id: int | None = None) -> Job:
    return start_deletion(
        owner_id=owner_id or collection.owner_id,
        collection=collection,
        metadata_filter=OLD,
        total=5,
    )


def run(job: Job, should_stop: Callable[[], bool] = lambda: False) -> Job:
    run_deletion(job_id=job.pk, should_stop=should_stop)
    job.refresh_from_db()
    return job


def stored() -> set[str]:
    return set(Document.objects.values_list("external_id", flat=True))


def test_it_works(collection: Collection) -> None:
    version = collection.version

    job = run(start(collection))

    assert (job.state, job.done, job.total) == (JobState.SUCCEEDED, 5, 5)
    assert stored() == {"tea"}
    assert Chunk.objects.count() == 1
    collection.refresh_from_db()
    assert collection.document_count == 1
    assert collection.version > version
    entries = AuditEntry.objects.filter(event="documents.delete", credential="job")
    assert sum(after["deleted"] for after in entries.values_list("after", flat=True) if after) == 5


def test_what_is_written_after_it_was_asked_for_stays(collection: Collection) -> None:
    job = start(collection)
    later = timezone.now() + timedelta(seconds=1)
    Document.objects.filter(external_id="old-3").update(updated_at=later)

    run(job)

    assert stored() == {"tea", "old-3"}


def test_it_goes_on_where_a_worker_stopped(collection: Collection) -> None:
    job = start(collection)
    asked = iter([False, True])
    with pytest.raises(JobRetry):
        run(job, lambda: next(asked))
    assert len(stored()) == 4

    assert (run(job).done, stored()) == (5, {"tea"})


def test_who_may_not_write_any_more_deletes_nothing(collection: Collection) -> None:
    job = run(start(collection, owner_id=make_user("stranger").pk))
    assert job.state == JobState.CANCELLED
    assert len(stored()) == 6


def test_what_is_seen_no_longer_stays(collection: Collection) -> None:
    """A grant that is narrowed while the job runs."""
    bob = make_user("bob")
    grant = Grant.objects.create(collection=collection, user=bob, role=Role.EDITOR.value)
    turns = 0

    def narrowed_after_a_batch() -> bool:
        nonlocal turns
        turns += 1
        if turns == 2:
            Grant.objects.filter(pk=grant.pk).update(row_filter={"old": False})
        return False

    run(start(collection, owner_id=bob.pk), narrowed_after_a_batch)
    assert len(stored()) == 4


def test_a_filter_that_is_none_starts_nothing(collection: Collection) -> None:
    with pytest.raises(InvalidFilter):
        start_deletion(
            owner_id=collection.owner_id, collection=collection, metadata_filter={}, total=0
        )
    assert not Job.objects.exists()
