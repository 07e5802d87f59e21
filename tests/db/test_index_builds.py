"""A build while it runs: watched, cancelled without a trace, beside an index that serves on."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection

from embeddings.constants import IndexState, IndexStorage, JobKind, JobState, SearchPath
from embeddings.exceptions import IndexBusy, InvalidIndex
from embeddings.models import Collection, Generation, Job
from embeddings.services import index as service
from embeddings.services.collection import delete_collection
from embeddings.services.index import build_index, change_index, start_reindex
from embeddings.services.job_runs import JobRetry, show_progress
from embeddings.services.jobs import cancel_job
from embeddings.services.search import search_collection
from embeddings.store import index as store
from embeddings.store.partitions import chunks_table
from embeddings.store.stats import table_stats
from embeddings.types.index import IndexChange
from embeddings.types.search import SearchParams
from tests.commands.processes import wait_for
from tests.factories import make_collection, make_document

pytestmark = pytest.mark.django_db(transaction=True)

WAITING = "waiting for old snapshots"


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "POLL_S", 0.02)


@pytest.fixture
def collection() -> Collection:
    made = make_collection()
    for number in range(5):
        make_document(made, f"text number {number}", external_id=f"d{number}")
    return Collection.objects.select_related("active").get(pk=made.pk)


@contextmanager
def old_snapshot() -> Iterator[psycopg.Connection[Any]]:
    """A transaction elsewhere, whose end every build waits for."""
    parameters = connection.get_connection_params()
    for name in ("cursor_factory", "context"):
        parameters.pop(name)
    with psycopg.connect(**parameters) as session:
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        session.execute("SELECT 1")
        yield session


def indexes(collection: Collection) -> dict[str, tuple[bool, str]]:
    """Of its vectors: whether valid, and the definition."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, i.indisvalid, pg_get_indexdef(c.oid) FROM pg_index i"
            " JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam"
            " WHERE a.amname = 'hnsw' AND i.indrelid = %s::regclass",
            [chunks_table(collection.generation.pk)],
        )
        return {name: (valid, definition) for name, valid, definition in cursor.fetchall()}


def run(job: Job) -> Job:
    build_index(job_id=job.pk, should_stop=lambda: False)
    job.refresh_from_db()
    return job


def reread(collection: Collection) -> Collection:
    return Collection.objects.select_related("active").get(pk=collection.pk).show_whole()


def test_progress_is_in_the_job(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    job, deadline = start_reindex(collection=collection), time.monotonic() + 60
    seen: list[Any] = []

    def watched(**values: Any) -> None:
        show_progress(**values)
        seen.append(Job.objects.values("state", "done", "total", "result").get(pk=job.pk))
        if seen[-1]["result"].get("phase") == WAITING or time.monotonic() > deadline:
            snapshot.commit()

    monkeypatch.setattr(service, "show_progress", watched)
    with old_snapshot() as snapshot:
        assert run(job).state == JobState.SUCCEEDED
    assert {row["total"] for row in seen} == {5}
    assert WAITING in {row["result"].get("phase") for row in seen}


def test_cancelling_ends_the_build_and_leaves_nothing(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = start_reindex(collection=collection)

    def cancelling(**values: Any) -> None:
        show_progress(**values)
        wait_for(lambda: store.new_name(collection.generation.pk) in indexes(collection))
        cancel_job(job=job)

    monkeypatch.setattr(service, "show_progress", cancelling)
    with old_snapshot():
        assert run(job).state == JobState.CANCELLED
        assert indexes(collection) == {}
    assert reread(collection).generation.index_state == IndexState.NONE


def test_a_stopping_worker_ends_the_build_and_hands_the_job_back(collection: Collection) -> None:
    job = start_reindex(collection=collection)
    with old_snapshot(), pytest.raises(JobRetry):
        build_index(job_id=job.pk, should_stop=lambda: True)
    assert indexes(collection) == {}
    job.refresh_from_db()
    assert (job.state, job.attempts) == (JobState.QUEUED, 0)
    assert reread(collection).generation.index_state == IndexState.BUILDING
    assert run(job).state == JobState.SUCCEEDED


def test_deleting_the_collection_ends_the_build(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = start_reindex(collection=collection)

    def deleting(**values: Any) -> None:
        show_progress(**values)
        Collection.objects.filter(pk=collection.pk).update(active=None)
        Generation.objects.all().delete()

    monkeypatch.setattr(service, "show_progress", deleting)
    with old_snapshot():
        job = run(job)
    assert (job.state, job.error) == (
        JobState.FAILED,
        "The collection was deleted before the job ended.",
    )


def test_the_present_index_serves_until_the_new_one_takes_its_place(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(start_reindex(collection=collection))
    name = store.index_name(collection.generation.pk)
    before = indexes(collection)[name]
    assert "halfvec_cosine_ops" in before[1]
    change = IndexChange(m=8, ef_construction=40, storage=IndexStorage.VECTOR)
    change_index(collection=reread(collection), change=change)
    job = Job.objects.get(state=JobState.QUEUED)
    assert job.kind == JobKind.REINDEX
    paths: set[str] = set()

    def searching(**values: Any) -> None:
        show_progress(**values)
        params = SearchParams(query="text number 3", top_k=3)
        result = search_collection(collection=reread(collection), params=params)
        assert [hit.external_id for hit in result.hits][:1] == ["d3"]
        paths.add(result.plan.path)
        snapshot.commit()

    monkeypatch.setattr(service, "show_progress", searching)
    with old_snapshot() as snapshot:
        assert run(job).state == JobState.SUCCEEDED
    assert paths == {SearchPath.HNSW}
    valid, definition = indexes(collection).pop(name)
    assert valid
    assert "vector_cosine_ops" in definition
    assert "m='8', ef_construction='40'" in definition
    assert list(indexes(collection)) == [name]
    generation = reread(collection).generation
    assert (generation.m, generation.ef_construction, generation.storage) == (8, 40, "vector")


def test_dead_rows_are_gone_afterwards(collection: Collection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM documents WHERE external_id <> 'd1'")
        # Else a session counts what it did within a second or so, which may be behind the VACUUM.
        cursor.execute("SELECT pg_stat_force_next_flush()")
    run(start_reindex(collection=collection))
    table = table_stats(table=chunks_table(collection.generation.pk))
    assert (table.rows, table.dead_rows) == (1, 0)
    assert table.last_vacuum is not None
    assert table.last_analyze is not None


def test_settings_change_at_once_where_there_is_no_index(collection: Collection) -> None:
    change_index(collection=collection, change=IndexChange(m=32))
    assert (collection.generation.m, reread(collection).generation.m) == (32, 32)
    assert not Job.objects.exists()


def test_settings_that_are_no_change_start_nothing(collection: Collection) -> None:
    run(start_reindex(collection=collection))
    change_index(collection=reread(collection), change=IndexChange(m=16))
    assert Job.objects.count() == 1


def test_one_at_a_time(collection: Collection) -> None:
    job = start_reindex(collection=collection)
    with pytest.raises(IndexBusy, match=str(job.pk)):
        start_reindex(collection=collection)
    with pytest.raises(IndexBusy):
        change_index(collection=reread(collection), change=IndexChange(m=8))
    assert reread(collection).generation.m == 16
    start_reindex(collection=make_collection())
    run(job)
    start_reindex(collection=reread(collection))


def test_a_failed_rebuild_leaves_the_present_index(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(start_reindex(collection=collection))
    before = indexes(collection)
    job = start_reindex(collection=reread(collection), change=IndexChange(m=8))
    monkeypatch.setattr(store, "_rename", broken)
    with pytest.raises(JobRetry):
        run(job)
    assert indexes(collection) == before
    generation = reread(collection).generation
    assert (generation.index_state, generation.m) == (IndexState.READY, 16)


def broken(*_: Any) -> None:
    raise RuntimeError


def test_impossible_settings_are_refused_before_anything_starts(collection: Collection) -> None:
    with pytest.raises(InvalidIndex, match="twice m"):
        start_reindex(collection=collection, change=IndexChange(m=65))
    assert not Job.objects.exists()
    assert reread(collection).generation.index_state == IndexState.NONE


def test_a_collection_can_be_deleted_while_its_index_is_built(collection: Collection) -> None:
    start_reindex(collection=collection)
    delete_collection(collection=collection)
    job = Job.objects.get()
    assert run(job).state == JobState.FAILED
