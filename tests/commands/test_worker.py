"""The worker as a process: it works, stops in order, and its work survives its death."""

import asyncio
import signal
from collections.abc import Iterator
from datetime import timedelta

import orjson
import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from embeddings.constants import JobState, OnConflict
from embeddings.management.commands.worker import run_worker
from embeddings.models import Chunk, Collection, Document, Job
from embeddings.services.imports import start_import
from embeddings.services.series import totals
from embeddings.store.partitions import documents_table
from tests.commands.processes import TIMEOUT_S, command, held_up, is_waited_for, kill, wait_for
from tests.factories import make_collection
from tests.log_capture import capture_logs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.serve]

MANY = 6_000
"""Many batches, one of which is held up until the test has interrupted the work."""

HELD_UP = "d600"
"""In the third."""


@pytest.fixture(autouse=True)
def _empty_queue() -> None:
    """Django's flush knows nothing of procrastinate's tables."""
    ProcrastinateJob.objects.all().delete()


def lines(count: int) -> Iterator[bytes]:
    for number in range(1, count + 1):
        yield orjson.dumps({"id": f"d{number}", "text": f"text of number {number}"}) + b"\n"


def start(count: int) -> Job:
    collection = make_collection()
    return start_import(
        owner_id=collection.owner_id,
        collection=collection,
        chunks=lines(count),
        gzip=False,
        on_conflict=OnConflict.ERROR,
    )


def fresh(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def collection_of(job: Job) -> Collection:
    assert job.collection_id
    return Collection.objects.get(pk=job.collection_id)


def has_ended(job: Job) -> bool:
    return fresh(job).state not in (JobState.QUEUED, JobState.RUNNING)


def assert_all_there_once(job: Job, count: int) -> None:
    """`on_conflict: error` refuses a line that is read twice."""
    job = fresh(job)
    assert (job.state, job.done, job.error) == ("succeeded", count, "")
    assert (job.result["added"], job.result["refused"]) == (count, 0)
    assert job.collection_id
    collection = Collection.objects.get(pk=job.collection_id)
    assert collection.active_id
    assert collection.document_count == count
    assert Document.objects.filter(collection_id=collection.pk).count() == count
    assert Chunk.objects.filter(generation_id=collection.active_id).count() == count
    assert not ProcrastinateJob.objects.exists()


def test_it_works() -> None:
    with command("worker") as worker:
        first = start(10)
        wait_for(lambda: has_ended(first))
        second = start(10)
        wait_for(lambda: has_ended(second))
        wait_for(lambda: not ProcrastinateJob.objects.exists())
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(TIMEOUT_S) == 0
    for job in (first, second):
        assert_all_there_once(job, 10)
    # What it counted is kept, though it ended before the minute did.
    names = ["documents_added", "jobs_succeeded"]
    hour = timedelta(hours=1)
    now = timezone.now()
    assert totals(names=names, since=now - hour, until=now) == {names[0]: 20.0, names[1]: 2.0}


def test_stopping_hands_the_job_back() -> None:
    job = start(MANY)
    with held_up(collection_of(job), HELD_UP) as holder, command("worker") as worker:
        wait_for(lambda: is_waited_for(holder))
        worker.send_signal(signal.SIGTERM)
        holder.rollback()
        assert worker.wait(TIMEOUT_S) == 0
    stopped = fresh(job)
    assert (stopped.state, stopped.attempts, stopped.lease) == ("queued", 0, None)
    assert 0 < stopped.done < MANY
    with command("worker"):
        wait_for(lambda: has_ended(job))
        wait_for(lambda: not ProcrastinateJob.objects.exists())
    assert_all_there_once(job, MANY)


def test_a_stop_while_it_connects_starts_nothing() -> None:
    async def stop_at_once() -> None:
        stopping = asyncio.Event()
        stopping.set()
        await asyncio.wait_for(run_worker(stopping, concurrency=1), timeout=60)

    with capture_logs() as capture:
        asyncio.run(stop_at_once())
    assert not capture.named("worker_started")


def test_another_worker_takes_over_from_one_that_was_killed() -> None:
    job = start(MANY)
    with held_up(collection_of(job), HELD_UP) as holder, command("worker") as worker:
        wait_for(lambda: is_waited_for(holder))
        kill(worker)
    killed = fresh(job)
    assert killed.state == JobState.RUNNING
    assert 0 < killed.done < MANY
    assert killed.collection_id
    assert Document.objects.filter(collection_id=killed.collection_id).count() == killed.done
    with command("worker"):
        wait_for(lambda: fresh(job).lease != killed.lease)
        wait_for(lambda: has_ended(job))
        wait_for(lambda: not ProcrastinateJob.objects.exists())
    assert_all_there_once(job, MANY)


def test_a_lost_connection_is_no_end() -> None:
    with command("worker"):
        first = start(10)
        wait_for(lambda: has_ended(first))
        wait_for(lambda: not ProcrastinateJob.objects.exists())
        place = connection.settings_dict
        with psycopg.connect(
            host=place["HOST"], port=place["PORT"], dbname=place["NAME"], user=place["USER"]
        ) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'worker'"
            )
        second = start(10)
        wait_for(lambda: has_ended(second))
        wait_for(lambda: not ProcrastinateJob.objects.exists())
    assert_all_there_once(second, 10)


def test_tables_that_a_crash_left_behind_are_dropped() -> None:
    collection = make_collection()
    table = documents_table(collection.pk)
    Collection.objects.filter(pk=collection.pk).update(active=None)
    Collection.objects.filter(pk=collection.pk).delete()
    assert exists(table)
    with command("worker"):
        wait_for(lambda: not exists(table))


def exists(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
        return bool(cursor.fetchone()[0])
