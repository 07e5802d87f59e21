"""Declared fields: what they refuse, how they change while documents are there, their indexes."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, connection

from embeddings.constants import FieldType, IndexState, JobKind, JobState, OnConflict
from embeddings.exceptions import InvalidMetadata, InvalidMetadataSchema, SchemaViolated
from embeddings.models import Collection, Document, Job
from embeddings.services import metadata_schema as service
from embeddings.services.add import add_documents
from embeddings.services.collection import delete_collection, update_collection
from embeddings.services.documents import delete_documents, list_documents, update_metadata
from embeddings.services.job_runs import JobRetry
from embeddings.services.jobs import cancel_job
from embeddings.store import metadata_index as store
from embeddings.store.documents import DocumentRow, write_documents
from embeddings.store.partitions import documents_table
from embeddings.types.document import DocumentInput
from embeddings.types.filter import parse_filter
from embeddings.types.metadata_schema import (
    MAX_FIELDS,
    MAX_INDEXED_BYTES,
    SchemaField,
    parse_schema,
    value_fault,
)
from tests.declared_values import BREAKING, CONFORMING, INSTANTS, NO_INSTANTS
from tests.factories import make_collection, make_document

pytestmark = pytest.mark.django_db


def declare(collection: Collection, **changes: Any) -> Collection:
    fields = parse_schema(changes, param="metadata_schema")
    return update_collection(collection=collection, metadata_schema=fields)


def instant(text: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM metadata_instant(to_jsonb(%s::text)))", [text])
        (found,) = cursor.fetchone()
        return found


def test_it_works() -> None:
    collection = declare(make_collection(), year={"type": "number", "required": True})
    make_document(collection, external_id="1", year=2024)
    with pytest.raises(InvalidMetadata) as refusal:
        add_documents(
            collection=collection,
            documents=[
                DocumentInput("2", "A text.", {"year": 2025}),
                DocumentInput("3", "A text.", {"year": "2026"}),
            ],
        )
    assert refusal.value.param == "documents.1.metadata.year"
    assert "`3`" in refusal.value.detail
    assert Document.objects.count() == 1


def test_changing_metadata_is_checked_too() -> None:
    collection = declare(
        make_collection(), year="number", lang={"type": "string", "required": True}
    )
    make_document(collection, external_id="1", year=2024, lang="en")
    for changes, param in (({"year": "x"}, "metadata.year"), ({"lang": None}, "metadata.lang")):
        with pytest.raises(InvalidMetadata) as refusal:
            update_metadata(collection=collection, external_id="1", changes=changes)
        assert refusal.value.param == param
    update_metadata(collection=collection, external_id="1", changes={"year": None, "free": [1]})


def test_a_writer_that_read_an_older_schema_is_held_to_the_present_one() -> None:
    collection = make_collection()
    stale = Collection.objects.select_related("active").get(pk=collection.pk).show_whole()
    make_document(collection, external_id="1", year=2024)
    declare(collection, year="number")
    with pytest.raises(InvalidMetadata):
        make_document(stale, external_id="2", year="2024")
    stale.metadata_schema = {}
    with pytest.raises(InvalidMetadata):
        update_metadata(collection=stale, external_id="1", changes={"year": "x"})


def test_what_stored_documents_break_is_not_declared() -> None:
    collection = make_collection()
    for number, year in enumerate(["2024", 2024, None, True]):
        make_document(collection, external_id=f"d{number}", year=year)
    before = Collection.objects.get(pk=collection.pk)
    with pytest.raises(SchemaViolated) as refusal:
        declare(collection, lang="string", year="number")
    assert (refusal.value.param, refusal.value.status) == ("metadata_schema.year", 409)
    assert refusal.value.values["count"] == 2
    assert refusal.value.values["external_id"] == "d0"
    after = Collection.objects.get(pk=collection.pk)
    assert (after.metadata_schema, after.version) == ({}, before.version)
    with pytest.raises(SchemaViolated) as refusal:
        declare(collection, year={"type": "number", "required": True})
    assert refusal.value.values["count"] == 3


@pytest.mark.parametrize("required", [False, True])
@pytest.mark.parametrize("kind", FieldType)
def test_the_database_and_python_agree_on_what_conforms(kind: FieldType, required: bool) -> None:
    collection = make_collection()
    field = SchemaField("a.b", kind, required=required, index=kind == FieldType.STRING)
    values = [value for _, value in CONFORMING + BREAKING] + INSTANTS + NO_INSTANTS
    metadata: list[dict[str, Any]] = [
        {"a": {"b": value}} for value in [*values, "x" * (MAX_INDEXED_BYTES + 1)]
    ]
    metadata += [{}, {"a": 1}, {"a": [{"b": 1}]}, {"a.b": 1}]
    rows = [
        DocumentRow(uuid.UUID(int=i), f"{i:03}", "text", value, b"0" * 32)
        for i, value in enumerate(metadata)
    ]
    write_documents(collection_id=collection.pk, rows=rows, on_conflict=OnConflict.ERROR)
    broken = [row.external_id for row in rows if value_fault(field, row.metadata)]
    found = store.violations(collection_id=collection.pk, field=field)
    assert found == (len(broken), min(broken, default=None))


def test_points_in_time_depend_on_no_setting_of_the_session() -> None:
    plain = [instant(text) for text in INSTANTS]
    assert None not in plain
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL timezone = 'Asia/Kolkata'; SET LOCAL datestyle = 'SQL, DMY'")
    assert [instant(text) for text in INSTANTS] == plain


def test_datetimes_are_compared_as_points_in_time() -> None:
    collection = declare(make_collection(), at="datetime")
    make_document(collection, external_id="noon", at="2024-01-01T12:00:00Z")
    make_document(collection, external_id="before", at="2024-01-01T12:30:00+01:00")
    make_document(collection, external_id="day", at="2024-01-02")

    def ids(condition: Any) -> set[str]:
        found = list_documents(
            collection=collection, metadata_filter=parse_filter({"at": condition}), limit=10
        )
        return {document.external_id for document in found}

    assert ids({"$lt": "2024-01-01T12:00"}) == {"before"}
    assert ids("2024-01-01T13:00:00.000+0100") == {"noon"}
    assert ids({"$gte": "2024-01-01T23:00:00-01:00"}) == {"day"}
    later = parse_filter({"at": {"$gt": "2024-01-01T11:45:00Z"}})
    assert delete_documents(collection=collection, metadata_filter=later).deleted == 2
    declare(collection, at=None)
    assert ids({"$gt": "2024-01-01T12:00:00Z"}) == {"before"}  # by code point again


def test_more_fields_than_may_be() -> None:
    collection = declare(make_collection(), **{f"a{i}": "string" for i in range(MAX_FIELDS)})
    with pytest.raises(InvalidMetadataSchema):
        declare(collection, one_more="string")
    declare(collection, one_more="string", a0=None)
    assert len(collection.metadata_schema) == MAX_FIELDS


def states(collection: Collection) -> dict[str, str]:
    stored = Collection.objects.get(pk=collection.pk).metadata_schema
    return {name: field["state"] for name, field in stored.items() if field["index"]}


def run(job: Job) -> Job:
    service.index_metadata(job_id=job.pk, should_stop=lambda: False)
    job.refresh_from_db()
    return job


def indexes(collection: Collection) -> dict[str, bool]:
    return store.field_indexes(collection_id=collection.pk)


INDEXED = {"type": "number", "index": True}
YEAR = SchemaField("year", FieldType.NUMBER, index=True)


def test_a_new_collection_has_its_indexes_at_once() -> None:
    collection = make_collection()
    service.declare_fields(collection=collection, fields={"year": YEAR, "old": None})
    assert indexes(collection) == {store.index_name(collection_id=collection.pk, field=YEAR): True}
    assert states(collection) == {"year": IndexState.READY}
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_indexes_come_and_go_with_their_declarations_while_the_collection_serves() -> None:
    collection = make_collection()
    make_document(collection, year=2024, by={"name": "Ada"})
    declare(collection, **{"year": INDEXED, "by.name": {"type": "string", "index": True}})
    version = Collection.objects.get(pk=collection.pk).version
    assert set(states(collection).values()) == {IndexState.BUILDING}
    job = Job.objects.get(kind=JobKind.INDEX_METADATA)
    assert (run(job).state, job.done, job.total) == (JobState.SUCCEEDED, 2, 2)
    assert set(states(collection).values()) == {IndexState.READY}
    built = indexes(collection)
    assert set(built.values()) == {True}

    declare(collection, year={"type": "number", "index": True, "required": True}, free="boolean")
    assert Job.objects.count() == 1  # nothing to build
    assert Collection.objects.get(pk=collection.pk).version > version
    declare(collection, **{"year": "number", "by.name": None})
    assert states(collection) == {}
    run(Job.objects.latest("created_at"))
    assert indexes(collection) == {}


@pytest.mark.django_db(transaction=True)
def test_a_ruin_is_built_anew_and_a_build_under_way_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    collection = make_collection()
    for _ in range(2):
        make_document(collection, year=2024)
    declare(collection, year=INDEXED)
    name = store.index_name(collection_id=collection.pk, field=YEAR)
    with connection.cursor() as cursor, pytest.raises(IntegrityError):
        cursor.execute(
            f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {documents_table(collection.pk)}"
            " (metadata_number(metadata -> 'year'))"
        )
    job = Job.objects.get()
    with monkeypatch.context() as patch, pytest.raises(JobRetry):
        patch.setattr(store, "is_being_built", lambda **_: True)
        run(job)
    assert indexes(collection) == {name: False}
    assert run(job).state == JobState.SUCCEEDED
    assert indexes(collection) == {name: True}
    make_document(collection, year=2024)  # it is not unique


@pytest.fixture
def failing_build(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def fail(**_: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(store, "create_index", fail)
        yield


def test_an_index_that_could_not_be_built_is_shown_and_can_be_asked_for_again(
    failing_build: None,
) -> None:
    collection = make_collection()
    declare(collection, year=INDEXED)
    job = Job.objects.get()
    for _ in range(settings.EMBED.job_max_attempts - 1):
        with pytest.raises(JobRetry):
            run(job)
    assert states(collection) == {"year": IndexState.BUILDING}
    assert run(job).state == JobState.PARKED
    assert states(collection) == {"year": IndexState.NONE}
    declare(collection, year=INDEXED)
    assert states(collection) == {"year": IndexState.BUILDING}
    assert Job.objects.count() == 2
    declare(collection, year=INDEXED)
    assert Job.objects.count() == 2


def test_a_cancelled_job_leaves_no_index_behind_it() -> None:
    collection = make_collection()
    declare(collection, year=INDEXED)
    job = Job.objects.get()
    cancel_job(job=job)
    assert run(job).state == JobState.CANCELLED
    assert states(collection) == {"year": IndexState.NONE}


def test_a_collection_that_is_gone_fails_the_job() -> None:
    collection = make_collection()
    declare(collection, year=INDEXED)
    job = Job.objects.get()
    delete_collection(collection=collection)
    assert run(job).state == JobState.FAILED
