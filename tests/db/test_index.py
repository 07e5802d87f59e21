"""The index of a collection that has grown: requested once, built by a job, used by searches."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings

from accounts.models import User
from accounts.policy import Action
from embeddings.constants import (
    STORAGE_MAX_DIMENSIONS,
    IndexState,
    IndexStorage,
    JobKind,
    JobState,
    Metric,
    SearchPath,
)
from embeddings.models import Chunk, Collection, Generation, Job
from embeddings.services.add import add_documents
from embeddings.services.collection import visible_collection
from embeddings.services.index import build_index, request_index_if_due
from embeddings.services.job_runs import JobRetry
from embeddings.services.jobs import cancel_job
from embeddings.services.search import search_collection
from embeddings.types.chunking import MIN_SIZE, ChunkingWish
from embeddings.types.document import DocumentInput
from embeddings.types.search import SearchParams
from tests.factories import make_collection

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "EMBED", settings.EMBED.model_copy(update={"index_threshold": 5}))


def add(collection: Collection, first: int, last: int) -> None:
    documents = [DocumentInput(f"d{i}", f"text number {i}") for i in range(first, last + 1)]
    add_documents(collection=collection, documents=documents)


def state(collection: Collection) -> str:
    return Generation.objects.get(pk=collection.generation.pk).index_state


def run(job: Job) -> Job:
    build_index(job_id=job.pk, should_stop=lambda: False)
    job.refresh_from_db()
    return job


def fresh(collection: Collection) -> Collection:
    owner = User.objects.get(pk=collection.owner_id)
    return visible_collection(
        principal=owner.as_principal(), name=collection.name, action=Action.WRITE
    )


def test_chunks_count_and_not_documents() -> None:
    collection = make_collection(chunking=ChunkingWish(size=MIN_SIZE))
    add_documents(collection=collection, documents=[DocumentInput("long", "One more word. " * 30)])
    assert Chunk.objects.count() >= 5
    assert Job.objects.get().kind == JobKind.BUILD_INDEX


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("metric", list(Metric))
def test_it_works(metric: Metric) -> None:
    collection = make_collection(metric=metric)
    add(collection, 1, 4)
    assert not Job.objects.exists()
    add(collection, 5, 5)
    job = Job.objects.get()
    assert (job.kind, job.owner_id) == (JobKind.BUILD_INDEX, collection.owner_id)
    assert state(collection) == IndexState.BUILDING
    assert run(job).state == JobState.SUCCEEDED
    assert state(collection) == IndexState.READY
    assert (job.done, job.total, job.result) == (5, 5, {})
    result = search_collection(
        collection=fresh(collection), params=SearchParams(query="text number 3", top_k=3)
    )
    assert result.plan.path == SearchPath.HNSW
    assert [hit.external_id for hit in result.hits][:1] == ["d3"]


def test_it_is_requested_once() -> None:
    collection = make_collection()
    add(collection, 1, 5)
    stale = make_stale(collection)
    for copy in (collection, stale):
        assert request_index_if_due(collection=copy) is None
        add(copy, 1, 9)
    assert Job.objects.count() == 1


def make_stale(collection: Collection) -> Collection:
    """As another process read it before the request."""
    stale = fresh(collection)
    stale.generation.index_state = IndexState.NONE.value
    return stale


def test_not_for_more_dimensions_than_an_index_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    collection = make_collection()
    monkeypatch.setitem(STORAGE_MAX_DIMENSIONS, IndexStorage.HALFVEC, 383)
    add(collection, 1, 9)
    assert not Job.objects.exists()
    large = make_collection()
    assert large.generation.storage == IndexStorage.BIT
    add(large, 1, 9)
    assert Job.objects.get().collection == large


@pytest.fixture
def failing_build(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def fail(**_: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr("embeddings.store.index.build_index", fail)
        yield


def test_a_build_that_failed_for_good_can_be_requested_again(failing_build: None) -> None:
    collection = make_collection()
    add(collection, 1, 5)
    job = Job.objects.get()
    for _ in range(settings.EMBED.job_max_attempts - 1):
        with pytest.raises(JobRetry):
            run(job)
        assert state(collection) == IndexState.BUILDING
    assert run(job).state == JobState.PARKED
    assert state(collection) == IndexState.NONE
    add(fresh(collection), 6, 6)
    assert Job.objects.count() == 2


def test_a_cancelled_build_can_be_requested_again() -> None:
    collection = make_collection()
    add(collection, 1, 5)
    job = Job.objects.get()
    cancel_job(job=job)
    assert run(job).state == JobState.CANCELLED
    assert state(collection) == IndexState.NONE


def test_a_generation_that_is_gone_fails_the_job() -> None:
    collection = make_collection()
    add(collection, 1, 5)
    job = Job.objects.get()
    Job.objects.update(params={"generation": 0})
    assert run(job).state == JobState.FAILED
