"""What operators should look after is found, and put right by jobs."""

import pytest
from django.db import connection

from embeddings.constants import IndexState, JobKind, JobState
from embeddings.models import Generation, Job, KeywordStatistics
from embeddings.services.index_repair import index_faults, run_repair, start_repair
from embeddings.services.keyword_statistics import start_refresh
from embeddings.services.maintenance import low_recall, upkeep_due
from embeddings.services.recall_history import recall_history
from embeddings.services.stats import stored_bytes
from embeddings.services.vacuum import run_vacuum, start_vacuum
from embeddings.store import index as store
from embeddings.store import index_repair
from embeddings.store.partitions import chunks_table, documents_table, terms_table
from embeddings.store.stats import table_stats
from tests.factories import make_collection, make_document, make_measurement


@pytest.mark.django_db
def test_low_recall_is_that_of_the_newest_measurement() -> None:
    good, bad, worse, mended = (make_collection(name) for name in ("a", "b", "c", "d"))
    make_collection("unmeasured")
    make_measurement(good, 0.99)
    make_measurement(bad, 0.9)
    make_measurement(worse, 1.0)
    make_measurement(worse, 0.5, filtered=True)
    make_measurement(mended, 0.1)
    make_measurement(mended, 0.97)

    found = low_recall(limit=9)

    assert [(each.name, getattr(each, "recall", None)) for each in found] == [
        ("c", 0.5),
        ("b", 0.9),
    ]
    assert [each.name for each in low_recall(limit=1)] == ["c"]


@pytest.mark.django_db
def test_the_history_is_the_collections_own_the_oldest_first() -> None:
    mine, other = make_collection(), make_collection()
    for share in (0.5, 0.75):
        make_measurement(mine, share)
    make_measurement(mine, 1.0, filtered=True)
    make_measurement(other, 0.25)

    history = recall_history(collection=mine)

    assert [each.recall for each in history[False]] == [0.5, 0.75]
    assert [each.recall for each in history[True]] == [1.0]


@pytest.mark.django_db
def test_room_counts_all_that_is_the_collections() -> None:
    small, large = make_collection(), make_collection()
    for number in range(20):
        make_document(large, f"text number {number}")

    sizes = stored_bytes(collections=[small, large])

    def taken(table: str) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_total_relation_size(%s::regclass)", [table])
            return int(cursor.fetchone()[0])

    tables = [documents_table(large.pk), terms_table(large.pk), chunks_table(large.generation.pk)]
    assert sizes[large.pk] == sum(map(taken, tables)) > sizes[small.pk] > 0


@pytest.mark.django_db
def test_words_are_to_be_counted_where_enough_has_changed() -> None:
    changed, fresh = make_collection("changed"), make_collection("fresh")
    for collection, changes in ((changed, 1_000), (fresh, 999)):
        make_document(collection)
        KeywordStatistics.objects.filter(collection=collection).update(changes=changes)

    [due] = upkeep_due(limit=9)

    assert (due.collection, due.advice, due.changed) == (changed, [], 1_000)
    job = start_refresh(collection=changed)
    assert (job.kind, job.owner, job.collection) == (
        JobKind.REFRESH_KEYWORDS,
        changed.owner,
        changed,
    )


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_repair, "SECOND_LOOK_S", 0.0)
    monkeypatch.setattr(store, "POLL_S", 0.02)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_soon")
def test_faulty_indexes_are_told_and_repaired_by_a_job() -> None:
    collection = make_collection("broken")
    Generation.objects.update(index_state=IndexState.READY.value)
    table = chunks_table(collection.generation.pk)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX {table}_hnsw_old ON {table} (ordinal)")

    faults = index_faults()
    assert (faults.leftover, faults.missing) == ([f"{table}_hnsw_old"], ["broken"])
    assert index_faults() == faults  # looking changes nothing

    job = start_repair(owner_id=collection.owner_id)
    run_repair(job_id=job.pk, should_stop=lambda: False)

    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED
    assert job.result == {"dropped": [f"{table}_hnsw_old"], "missing": ["broken"]}
    assert index_faults().leftover == index_faults().missing == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_soon")
def test_a_vacuum_rids_the_tables_of_dead_rows_and_analyzes_them() -> None:
    collection = make_collection()
    for number in range(5):
        make_document(collection, f"text number {number}")
    tables = [documents_table(collection.pk), chunks_table(collection.generation.pk)]
    assert [table_stats(table=table).last_analyze for table in tables] == [None, None]

    job = start_vacuum(collection=collection)
    run_vacuum(job_id=job.pk, should_stop=lambda: False)

    job.refresh_from_db()
    assert (job.state, job.done, job.total) == (JobState.SUCCEEDED, 3, 3)
    for table in tables:
        stats = table_stats(table=table)
        assert None not in (stats.last_vacuum, stats.last_analyze)


@pytest.mark.django_db
def test_a_vacuum_of_a_deleted_collection_fails_saying_so() -> None:
    collection = make_collection()
    job = start_vacuum(collection=collection)
    Job.objects.update(collection=None)

    run_vacuum(job_id=job.pk, should_stop=lambda: False)

    job.refresh_from_db()
    assert job.state == JobState.FAILED
