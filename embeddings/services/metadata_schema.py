"""The declared fields of a collection's metadata: checked on write, indexed by a job, changed
online.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from embeddings.constants import FINISHED_STATES, FieldType, IndexState, JobKind, JobState
from embeddings.exceptions import (
    CollectionBusy,
    CollectionDeleted,
    InvalidMetadata,
    InvalidMetadataSchema,
    SchemaViolated,
)
from embeddings.models import Collection, Job
from embeddings.services.job_runs import JobRun, check_run, record_progress, run_job
from embeddings.services.jobs import start_job
from embeddings.store import metadata_index as store
from embeddings.types.filter import MetadataFilter
from embeddings.types.metadata_schema import (
    MAX_FIELDS,
    MetadataSchema,
    SchemaChange,
    SchemaField,
    read_schema,
    value_fault,
    with_types,
)

Given = TypeVar("Given", MetadataFilter, MetadataFilter | None)


def typed_filter(
    *, collection: Collection, metadata_filter: Given, spelled: bool = False
) -> Given | MetadataFilter:
    """The filter as the collection's schema has it compare; `spelled`, it may also compare how a
    datetime is spelled. Raises InvalidFilter.
    """
    if metadata_filter is None or not collection.metadata_schema:
        return metadata_filter
    return with_types(metadata_filter, read_schema(collection.metadata_schema), spelled=spelled)


def check_metadata(
    *, collection: Collection, external_id: str, metadata: Mapping[str, Any], param: str
) -> None:
    """Raises InvalidMetadata, naming the document and the field, under the `param` that holds
    them.
    """
    for field in read_schema(collection.metadata_schema).values():
        fault = value_fault(field, metadata)
        if fault:
            raise InvalidMetadata(
                param=f"{param}.{field.name}",
                external_id=external_id,
                field=field.name,
                fault=fault,
            )


class _Described(Protocol):
    @property
    def external_id(self) -> str: ...
    @property
    def metadata(self) -> dict[str, Any]: ...


def check_documents(*, collection: Collection, documents: Sequence[_Described]) -> None:
    """check_metadata of the `documents` of a request."""
    if not collection.metadata_schema:
        return
    for index, document in enumerate(documents):
        check_metadata(
            collection=collection,
            external_id=document.external_id,
            metadata=document.metadata,
            param=f"documents.{index}.metadata",
        )


def declare_fields(*, collection: Collection, fields: SchemaChange) -> None:
    """Give a new collection, whose tables are empty, its fields with their indexes."""
    made = {name: field for name, field in fields.items() if field is not None}
    if not made:
        return
    for field in _indexed(made):
        store.create_index(collection_id=collection.pk, field=field)
        made[field.name] = replace(field, state=IndexState.READY)
    _save(collection, made)


def change_fields(*, collection: Collection, changes: SchemaChange) -> None:
    """Declare the fields, or remove those that are None; a job makes and drops their indexes.

    Raises SchemaViolated where stored documents break a declaration, InvalidMetadataSchema,
    CollectionDeleted. Writes wait meanwhile, and are checked anew.
    """
    if not changes:
        return
    with transaction.atomic():
        fields = _locked_fields(collection)
        known = dict(fields)
        for name, field in changes.items():
            if field is None:
                fields.pop(name, None)
            elif _declaration(fields.get(name)) != _declaration(field):
                _check_stored(collection, field)
                fields[name] = field
        if len(fields) > MAX_FIELDS:
            raise InvalidMetadataSchema(
                param="metadata_schema", reason=f"there would be more than {MAX_FIELDS} fields."
            )
        _keep_states(fields, known)
        if fields == known:
            return
        # What is cached of searches was compared otherwise.
        _save(collection, fields, version=F("version") + 1)
        if _index_states(fields) != _index_states(known):
            start_indexing(collection=collection)


def _declaration(field: SchemaField | None) -> SchemaField | None:
    return field and replace(field, state=IndexState.NONE)


def _keep_states(fields: MetadataSchema, known: MetadataSchema) -> None:
    for name, field in fields.items():
        before = known.get(name)
        if not field.index:
            state = IndexState.NONE
        elif before is not None and before.type == field.type and before.state != IndexState.NONE:
            state = before.state
        else:
            state = IndexState.BUILDING  # also where a job has failed to
        fields[name] = replace(field, state=state)


def _check_stored(collection: Collection, field: SchemaField) -> None:
    count, example = store.violations(collection_id=collection.pk, field=field)
    if count:
        # Who may manage a collection may read all of it.
        raise SchemaViolated(
            param=f"metadata_schema.{field.name}",
            count=count,
            field=field.name,
            external_id=example,
        )


def start_indexing(*, collection: Collection) -> Job:
    """A job of the collection's owner that makes its metadata's indexes those that are declared."""
    return start_job(
        owner_id=collection.owner_id, kind=JobKind.INDEX_METADATA, collection=collection
    )


def unindexed_fields(*, collection: Collection) -> list[str]:
    """Names of the fields whose index a job has failed to build."""
    fields = read_schema(collection.metadata_schema).values()
    return [field.name for field in fields if field.index and field.state == IndexState.NONE]


def index_metadata(*, job_id: uuid.UUID, should_stop: Callable[[], bool]) -> None:
    """Run the job; indexes that it could not build are shown as missing.

    Raises JobRetry.
    """
    run_job(job_id=job_id, work=_reconcile, should_stop=should_stop)
    job = Job.objects.select_related("collection").filter(pk=job_id).first()
    if job is None or job.collection is None or job.state == JobState.SUCCEEDED:
        return
    if job.state == JobState.PARKED or job.state in FINISHED_STATES:
        _record_states(job.collection, failed=True)


def _reconcile(run: JobRun) -> None:
    """Make the indexes those that are declared, whatever an earlier run or another job left."""
    collection = run.job.collection
    if collection is None:
        raise CollectionDeleted
    with transaction.atomic():
        fields = _locked_fields(collection)
    declared = {
        store.index_name(collection_id=collection.pk, field=field): field
        for field in _indexed(fields)
    }
    found = store.field_indexes(collection_id=collection.pk)
    unwanted = [name for name, whole in found.items() if name not in declared or not whole]
    missing = [field for name, field in declared.items() if not found.get(name)]
    if any(store.is_being_built(name=name) for name in unwanted):
        raise CollectionBusy  # another job is at it; this one is tried again
    for name in unwanted:
        store.drop_index(name=name)  # no progress: an index that fails each time is each time here
    for done, field in enumerate(missing, 1):
        check_run(run=run)
        store.create_index(collection_id=collection.pk, field=field, concurrently=True)
        record_progress(run=run, done=done, total=len(missing))
    _record_states(collection)


def _record_states(collection: Collection, *, failed: bool = False) -> None:
    """What is indexed now; where no job goes on, what is not is not being built either."""
    with transaction.atomic():
        fields = _locked_fields(collection)
        found = store.field_indexes(collection_id=collection.pk)
        for field in _indexed(fields):
            whole = found.get(store.index_name(collection_id=collection.pk, field=field))
            if whole or failed:
                state = IndexState.READY if whole else IndexState.NONE
                fields[field.name] = replace(field, state=state)
        _save(collection, fields)


def _locked_fields(collection: Collection) -> MetadataSchema:
    """As they are now, and stay until the transaction ends. Raises CollectionDeleted."""
    rows = Collection.objects.select_for_update(no_key=True).filter(pk=collection.pk)
    stored = list(rows.values_list("metadata_schema", flat=True))
    if not stored:
        raise CollectionDeleted
    return read_schema(stored[0])


def _save(collection: Collection, fields: MetadataSchema, **changes: Any) -> None:
    stored = {name: field.as_json() for name, field in fields.items()}
    Collection.objects.filter(pk=collection.pk).update(
        metadata_schema=stored, updated_at=Now(), **changes
    )
    collection.metadata_schema = stored


def _indexed(fields: MetadataSchema) -> list[SchemaField]:
    return [field for field in fields.values() if field.index]


def _index_states(fields: MetadataSchema) -> dict[tuple[str, FieldType], IndexState]:
    return {(field.name, field.type): field.state for field in _indexed(fields)}
