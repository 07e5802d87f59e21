"""Dropping collections keeps nobody waiting, whatever others are at."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from embeddings.models import Collection, Generation
from embeddings.services.collection import delete_collection
from embeddings.services.search import search_collection
from embeddings.store import partition_drops, partitions
from embeddings.types.search import SearchParams
from tests.commands.processes import wait_for
from tests.factories import make_collection, make_document

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition_drops, "LOCK_TIMEOUT", "50ms")
    monkeypatch.setattr(partition_drops, "TURN_S", 0.1)
    partitions.drop_orphaned_partitions()


@pytest.fixture
def patient(soon: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to be dropped at once has time for a search of that very moment to end."""
    monkeypatch.setattr(partition_drops, "LOCK_TIMEOUT", "10s")


@contextmanager
def reading(table: str) -> Iterator[psycopg.Connection[Any]]:
    """A transaction elsewhere that has read the table, as a backup does for hours."""
    parameters = connection.get_connection_params()
    for name in ("cursor_factory", "context"):
        parameters.pop(name)
    with psycopg.connect(**parameters) as session:
        assert count(session, table) >= 0
        yield session


def count(session: psycopg.Connection[Any], table: str) -> int:
    statement = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
    row = session.execute(statement).fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def searches(*collections: Collection) -> Iterator[list[str]]:
    """Searches in the collections, one after the other, that fail where one waits for a lock for
    longer than whoever drops can make it; yields what was found.
    """
    found: list[str] = []
    faults: list[Exception] = []
    stopped = threading.Event()

    def search() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '20s'")
            while not stopped.is_set():
                for collection in collections:
                    params = SearchParams(query="tea", top_k=1)
                    hits = search_collection(collection=collection, params=params).hits
                    found.append(hits[0].external_id)
        except Exception as error:  # noqa: BLE001 - told below
            faults.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=search)
    thread.start()
    try:
        yield found
    finally:
        stopped.set()
        thread.join()
    assert faults == []
    assert set(found) == {"tea"}


def make_filled() -> Collection:
    collection = make_collection()
    make_document(collection, "green tea", external_id="tea")
    return Collection.objects.select_related("active").get(pk=collection.pk).show_whole()


def tables_of(*collections: Collection) -> set[str]:
    """Those that are there."""
    names = set()
    for collection in collections:
        generations = Generation.objects.filter(collection=collection.pk)
        names |= {partitions.documents_table(collection.pk), partitions.terms_table(collection.pk)}
        names |= {partitions.chunks_table(pk) for pk in generations.values_list("pk", flat=True)}
    return names & everything()


def everything() -> set[str]:
    return {
        name
        for pattern in partitions.NAMES.values()
        for name in partition_drops.tables_like(pattern=pattern)
    }


def test_searches_elsewhere_go_on(patient: None) -> None:
    other = make_filled()
    with searches(other) as found:
        for _ in range(5):
            made = make_filled()
            names = tables_of(made)
            assert len(names) == 3
            delete_collection(collection=made)
            assert not names & everything()
        before = len(found)
        wait_for(lambda: len(found) > before)


def wait_for_rounds(condition: Callable[[], object]) -> None:
    """One leaves to the next what a search of this moment, or a session that ends, has locked."""

    def holds_after_one_more() -> object:
        partitions.drop_orphaned_partitions()
        return condition()

    wait_for(holds_after_one_more)


@pytest.mark.parametrize("parent", ["chunks", "documents", "document_terms"])
def test_a_long_reader_of_everything_keeps_nobody_waiting(parent: str) -> None:
    first, second, other = make_filled(), make_filled(), make_filled()
    kept = tables_of(other)
    with reading(parent) as backup, searches(other):
        started = time.monotonic()
        delete_collection(collection=first)
        delete_collection(collection=second)
        made = make_filled()
        assert time.monotonic() - started < 30
        kept |= tables_of(made)
        assert everything() > kept
        partitions.drop_orphaned_partitions()
        assert everything() > kept  # some are still read
        backup.commit()
        wait_for_rounds(lambda: everything() == kept)
        assert not Collection.objects.filter(pk__in=[first.pk, second.pk]).exists()


def test_a_long_search_of_the_very_collection_ends_in_peace() -> None:
    gone, other = make_filled(), make_filled()
    names = tables_of(gone)
    table = partitions.chunks_table(gone.generation.pk)
    with reading(table) as session, searches(other):
        delete_collection(collection=gone)
        assert names & everything()
        assert count(session, table) == 1
        session.commit()
        wait_for_rounds(lambda: not names & everything())


def test_a_writer_elsewhere_keeps_nobody_waiting(patient: None) -> None:
    gone, other = make_filled(), make_filled()
    names = tables_of(gone)
    with reading("pg_class") as session, searches(other):
        session.execute("UPDATE collections SET version = version WHERE id = %s", [other.pk])
        delete_collection(collection=gone)
        assert not names & everything()


def test_a_table_that_a_crash_left_detached_is_dropped() -> None:
    made = make_filled()
    table = partitions.chunks_table(made.generation.pk)
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE chunks DETACH PARTITION {table}")
    Collection.objects.filter(pk=made.pk).update(active=None)
    Generation.objects.filter(collection=made.pk).delete()
    assert partitions.drop_orphaned_partitions() == 1
    assert table not in everything()


def test_two_that_drop_take_turns() -> None:
    made = make_filled()
    names = tables_of(made)
    with reading("pg_class") as session:
        session.execute("SELECT pg_advisory_lock(%s)", [partition_drops.TURN])
        delete_collection(collection=made)
        assert names <= everything()
    wait_for_rounds(lambda: not names & everything())


def test_the_connection_keeps_its_settings() -> None:
    delete_collection(collection=make_filled())
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)
