"""Imports: every line in once, or refused with its number and reason."""

import gzip
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.db import connection

from embeddings.constants import JobState, OnConflict
from embeddings.exceptions import ImportTooLarge, UnreadableImport
from embeddings.models import Collection, Document, Job, JobPart
from embeddings.readers import upload
from embeddings.services import import_batches, imports
from embeddings.services.add import store_documents
from embeddings.services.collection import delete_collection
from embeddings.services.imports import run_import, start_import
from embeddings.services.job_runs import JobRetry, record_progress
from embeddings.services.jobs import cancel_job
from tests.factories import make_collection, make_document

pytestmark = pytest.mark.django_db


@pytest.fixture
def collection() -> Collection:
    return make_collection()


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many parts and batches out of few lines."""
    monkeypatch.setattr(upload, "PART_BYTES", 300)
    monkeypatch.setattr(import_batches, "BATCH_CHARS", 40)


def start(collection: Collection, *lines: Any, on_conflict: OnConflict = OnConflict.UPSERT) -> Job:
    body = b"\n".join(line if isinstance(line, bytes) else orjson.dumps(line) for line in lines)
    return start_import(
        owner_id=collection.owner_id,
        collection=collection,
        chunks=[body[i : i + 50] for i in range(0, len(body), 50)],
        gzip=False,
        on_conflict=on_conflict,
    )


def run(job: Job, should_stop: Callable[[], bool] = lambda: False) -> Job:
    run_import(job_id=job.pk, should_stop=should_stop)
    return Job.objects.select_related("collection").get(pk=job.pk)


def documents(count: int, prefix: str = "text") -> list[dict[str, Any]]:
    return [{"id": f"d{i}", "text": f"{prefix} {i}"} for i in range(1, count + 1)]


def stored(collection: Collection) -> dict[str, str]:
    rows = Document.objects.filter(collection_id=collection.pk)
    return dict(rows.values_list("external_id", "text"))


def stopping_after(batches: int) -> Callable[[], bool]:
    left: Iterator[bool] = iter([False] * batches)
    return lambda: next(left, True)


def test_it_works(collection: Collection) -> None:
    job = start(collection, *documents(50))
    assert (job.state, job.total) == ("queued", 50)
    assert JobPart.objects.count() > 3
    job = run(job)
    assert (job.state, job.done, job.error) == ("succeeded", 50, "")
    assert job.result == {"added": 50, "updated": 0, "unchanged": 0, "truncated": 0, "refused": 0}
    assert stored(collection) == {f"d{i}": f"text {i}" for i in range(1, 51)}
    collection.refresh_from_db()
    assert collection.document_count == 50
    assert not JobPart.objects.exists()


def test_gzip_in_pieces(collection: Collection) -> None:
    body = gzip.compress(b"\n".join(map(orjson.dumps, documents(100))))
    job = start_import(
        owner_id=collection.owner_id,
        collection=collection,
        chunks=(body[i : i + 10] for i in range(0, len(body), 10)),
        gzip=True,
        on_conflict=OnConflict.UPSERT,
    )
    assert run(job).result["added"] == 100


def test_bad_lines_are_refused_singly(collection: Collection) -> None:
    job = run(
        start(
            collection,
            {"id": "a", "text": "one"},
            b"{not json",
            b"",
            {"id": "b", "text": ""},
            {"id": 3.5, "text": "three"},
            {"id": "c", "text": "four", "embedding": [1, 2]},
            b'"a string"',
            {"id": "d", "text": "five", "headline": "unknown here"},
            {"id": "e", "text": "six"},
            b"  ",
        )
    )
    assert stored(collection) == {"a": "one", "e": "six"}
    assert job.state == JobState.SUCCEEDED
    assert (job.done, job.total) == (10, 10)
    assert (job.result["added"], job.result["refused"]) == (2, 6)
    assert [(r["line"], r["param"], r["code"]) for r in job.refused] == [
        (2, None, "invalid"),
        (4, "text", "empty_text"),
        (5, "id", "invalid"),
        (6, "embedding", "dimensions_mismatch"),
        (7, None, "invalid"),
        (8, "headline", "invalid"),
    ]
    assert job.refused[0]["detail"] == "The line is not valid JSON; see character 2."


def test_only_the_first_refused_lines_are_kept(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "SHOWN_REFUSED", 5)
    monkeypatch.setattr(imports, "BATCH_DOCUMENTS", 3)
    job = run(start(collection, *([b"?"] * 12), {"text": "good"}))
    assert [refusal["line"] for refusal in job.refused] == [1, 2, 3, 4, 5]
    assert (job.result["refused"], job.result["added"]) == (12, 1)


def test_an_interrupted_import_goes_on_behind_its_last_batch(collection: Collection) -> None:
    job = start(collection, *documents(60), b"bad line")
    with pytest.raises(JobRetry):
        run(job, should_stop=stopping_after(3))
    job.refresh_from_db()
    done = len(stored(collection))
    assert job.state == JobState.QUEUED
    assert 0 < done < 60
    assert job.done == done == job.result["added"]
    # Were a line read twice, the second reading would find this change and undo it.
    Document.objects.filter(collection_id=collection.pk).update(
        text="was there", content_hash=b"0" * 32
    )
    job = run(job)
    assert job.result["added"] == 60
    assert (job.result["updated"], job.result["unchanged"], job.result["refused"]) == (0, 0, 1)
    texts = stored(collection)
    assert len(texts) == 60
    assert sum(text == "was there" for text in texts.values()) == done


def test_a_batch_and_its_progress_are_stored_together(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = start(collection, *documents(20))
    record = record_progress
    calls: list[int] = []

    def failing_once(**options: Any) -> None:
        calls.append(options["done"])
        record(**options)
        if len(calls) == 2:
            raise RuntimeError

    monkeypatch.setattr(imports, "record_progress", failing_once)
    with pytest.raises(JobRetry):
        run(job)
    job.refresh_from_db()
    assert len(stored(collection)) == job.done == calls[0]
    assert run(job).result["added"] == 20


def test_cancelled_between_batches(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    job = start(collection, *documents(60))
    store = store_documents
    stored_batches: list[int] = []

    def cancelling(**options: Any) -> Any:
        result = store(**options)
        stored_batches.append(len(options["documents"]))
        if len(stored_batches) == 2:
            cancel_job(job=job)
        return result

    monkeypatch.setattr(imports, "store_documents", cancelling)
    job = run(job)
    assert job.state == JobState.CANCELLED
    assert len(stored_batches) == 2
    assert len(stored(collection)) == job.done == job.result["added"] == sum(stored_batches)
    assert f"after {job.done} of 60" in job.error


def test_upsert_takes_the_later_of_two_lines(collection: Collection) -> None:
    job = run(start(collection, {"id": "a", "text": "one"}, {"id": "a", "text": "two"}))
    assert stored(collection) == {"a": "two"}
    assert (job.result["added"], job.result["updated"]) == (1, 1)


def test_skip_keeps_what_is_there(collection: Collection) -> None:
    make_document(collection, "old", external_id="d1")
    job = run(start(collection, *documents(2, "new"), on_conflict=OnConflict.SKIP))
    assert stored(collection) == {"d1": "old", "d2": "new 2"}
    assert (job.result["added"], job.result["unchanged"], job.result["refused"]) == (1, 1, 0)


def test_error_refuses_the_line_of_a_document_that_is_there(collection: Collection) -> None:
    make_document(collection, "old", external_id="d2")
    lines = [*documents(3, "new"), {"id": "d1", "text": "again"}]
    job = run(start(collection, *lines, on_conflict=OnConflict.ERROR))
    assert stored(collection) == {"d1": "new 1", "d2": "old", "d3": "new 3"}
    assert (job.result["added"], job.result["unchanged"], job.result["refused"]) == (2, 0, 2)
    assert [(r["line"], r["code"]) for r in job.refused] == [
        (2, "document_exists"),
        (4, "document_exists"),
    ]


def test_lines_without_an_id_do_not_double_when_sent_again(collection: Collection) -> None:
    lines = [{"text": f"text {i}"} for i in range(10)]
    run(start(collection, *lines))
    job = run(start(collection, *lines))
    assert len(stored(collection)) == 10
    assert job.result["unchanged"] == 10


def test_embeddings_that_come_along_are_kept(collection: Collection) -> None:
    vector = [0.0] * 383 + [2.0]
    run(start(collection, {"id": "a", "text": "one", "embedding": vector}))
    with connection.cursor() as cursor:
        cursor.execute("SELECT embedding::text FROM chunks")
        assert cursor.fetchall() == [("[" + "0," * 383 + "2]",)]


@pytest.mark.parametrize(
    ("body", "limit", "error"),
    [
        (b"", 10**6, UnreadableImport),
        (b"[1]\n" * 1000, 3_999, ImportTooLarge),
        (b'{"text": "one"}\n' + b"x" * 2_000, 10**6, UnreadableImport),
    ],
)
def test_a_refused_upload_leaves_nothing(
    collection: Collection,
    monkeypatch: pytest.MonkeyPatch,
    body: bytes,
    limit: int,
    error: type[Exception],
) -> None:
    config = settings.EMBED.model_copy(update={"import_max_bytes": limit, "max_body_bytes": 1_999})
    monkeypatch.setattr(settings, "EMBED", config)
    with pytest.raises(error):
        start(collection, body)
    assert not Job.objects.exists()
    assert not JobPart.objects.exists()


def test_a_deleted_collection_fails_the_import(collection: Collection) -> None:
    job = start(collection, *documents(3))
    delete_collection(collection=collection)
    job = run(job)
    assert (job.state, job.error) == (
        "failed",
        "The collection was deleted before the job ended.",
    )
