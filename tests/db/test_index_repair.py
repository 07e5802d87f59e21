"""What crashes, cancelled builds and restores leave behind is found and put right."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import IntegrityError, connection
from django.db.models.functions import Now

from embeddings.constants import IndexState, JobKind, JobState
from embeddings.exceptions import IndexBusy
from embeddings.models import Collection, Generation, Job
from embeddings.services import index
from embeddings.services.index import build_index, start_reindex
from embeddings.services.index_repair import repair_indexes
from embeddings.services.job_runs import SOURCE
from embeddings.store import index as store
from embeddings.store import index_repair
from embeddings.store.index_warming import prewarm_indexes
from embeddings.store.partitions import chunks_table, documents_table
from tests.commands.processes import wait_for
from tests.factories import make_collection, make_document

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_repair, "SECOND_LOOK_S", 0.0)


@pytest.fixture
def collection() -> Collection:
    """With an index."""
    made = make_collection()
    for number in range(3):
        make_document(made, f"text {number}")
    build_index(job_id=start_reindex(collection=made).pk, should_stop=lambda: False)
    wait_for(lambda: not store.building_generations())  # the builder's session ends behind it
    Job.objects.all().delete()
    return Collection.objects.select_related("active").get(pk=made.pk)


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def names_of(table: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
            " WHERE i.indrelid = %s::regclass",
            [table],
        )
        return {name for (name,) in cursor.fetchall()}


def make_invalid(table: str, name: str) -> None:
    """As a killed build leaves it: a unique index of equal values can't be built to its end."""
    with pytest.raises(IntegrityError, match="could not create unique index"):
        execute(f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} ((1))")
    assert name in names_of(table)


def index_state(collection: Collection) -> str:
    return Generation.objects.get(pk=collection.generation.pk).index_state


def test_leftovers_are_dropped_and_nothing_else(collection: Collection) -> None:
    chunks, documents = chunks_table(collection.generation.pk), documents_table(collection.pk)
    before = names_of(chunks) | names_of(documents)
    make_invalid(chunks, f"{chunks}_hnsw_new")
    make_invalid(chunks, f"{chunks}_hnsw_ccnew1")
    make_invalid(documents, f"{documents}_pkey_ccold")
    execute(f"CREATE INDEX {chunks}_hnsw_old ON {chunks} (ordinal)")
    repaired = repair_indexes()
    assert repaired.missing == []
    assert set(repaired.dropped) == {
        f"{chunks}_hnsw_new",
        f"{chunks}_hnsw_ccnew1",
        f"{chunks}_hnsw_old",
        f"{documents}_pkey_ccold",
    }
    assert names_of(chunks) | names_of(documents) == before
    assert index_state(collection) == IndexState.READY
    assert repair_indexes().dropped == []


def test_what_a_job_is_at_is_left_to_it(collection: Collection) -> None:
    chunks = chunks_table(collection.generation.pk)
    make_invalid(chunks, f"{chunks}_hnsw_new")
    job = start_reindex(collection=collection)
    assert repair_indexes().dropped == []
    build_index(job_id=job.pk, should_stop=lambda: False)
    assert f"{chunks}_hnsw_new" not in names_of(chunks)


def test_a_missing_index_is_noticed_and_built_again(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks = chunks_table(collection.generation.pk)
    execute(f"DROP INDEX {chunks}_hnsw")
    monkeypatch.setattr(settings, "EMBED", settings.EMBED.model_copy(update={"index_threshold": 3}))
    assert repair_indexes().missing == [collection.name]
    assert repair_indexes().missing == []
    job = Job.objects.get()
    assert job.kind == JobKind.BUILD_INDEX
    build_index(job_id=job.pk, should_stop=lambda: False)
    assert store.index_name(collection.generation.pk) in names_of(chunks)
    assert index_state(collection) == IndexState.READY


def test_an_unusable_index_is_missing_too_and_a_small_collection_needs_none(
    collection: Collection,
) -> None:
    chunks = chunks_table(collection.generation.pk)
    execute(f"DROP INDEX {chunks}_hnsw")
    make_invalid(chunks, f"{chunks}_hnsw")
    repaired = repair_indexes()
    assert (repaired.dropped, repaired.missing) == ([f"{chunks}_hnsw"], [collection.name])
    assert index_state(collection) == IndexState.NONE
    assert not Job.objects.exists()


def test_a_build_that_nobody_is_at_can_be_requested_again() -> None:
    collection = make_collection()
    start_reindex(collection=collection)
    Job.objects.all().delete()
    assert index_state(collection) == IndexState.BUILDING
    assert repair_indexes().missing == [collection.name]
    assert index_state(collection) == IndexState.NONE


def test_the_job_of_a_killed_command_is_in_nobodys_way(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "FORSAKEN_AFTER", timedelta(minutes=1))
    job = start_reindex(collection=collection)
    Job.objects.update(
        params={**job.params, SOURCE: "x"}, state=JobState.RUNNING.value, started_at=Now()
    )
    with pytest.raises(IndexBusy):
        start_reindex(collection=collection)
    Job.objects.update(started_at=Now() - timedelta(minutes=2))
    start_reindex(collection=collection)
    job.refresh_from_db()
    assert job.state == JobState.PARKED


def test_prewarming_reads_the_indexes(collection: Collection) -> None:
    prewarmed = prewarm_indexes()
    assert prewarmed is not None
    assert prewarmed.indexes >= 1
    assert prewarmed.bytes >= 8192 * prewarmed.indexes
