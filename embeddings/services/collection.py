"""Making, changing and deleting collections."""

import uuid
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from accounts.exceptions import ActionForbidden
from accounts.policy import Action
from accounts.principal import Principal
from accounts.services.audit import record
from accounts.services.users import active_user
from embeddings.constants import (
    DEFAULT_LANGUAGE,
    GenerationState,
    Metric,
)
from embeddings.exceptions import CollectionExists, NotFound, UnknownLanguage
from embeddings.models import Collection, Generation
from embeddings.services.chunking import chunking_in_force
from embeddings.services.collection_lookup import look_up_collection
from embeddings.services.engine import model_info
from embeddings.services.index import UNCHANGED, change_index
from embeddings.services.metadata_schema import change_fields, declare_fields
from embeddings.services.redaction import check_redaction
from embeddings.store import partitions
from embeddings.store.keyword import languages
from embeddings.types.chunking import NO_WISH, ChunkingWish
from embeddings.types.index import IndexChange, IndexSettings, check_index
from embeddings.types.metadata_schema import SchemaChange
from embeddings.types.redaction import NO_REDACTION, Redaction


def visible_collection(*, principal: Principal, name: str, action: Action) -> Collection:
    """The collection, with its active generation.

    Raises NotFound for what the principal may not see, in the same words as for what is not there,
    and ActionForbidden for what it may see but not do.
    """
    return look_up_collection(principal=principal, name=name, action=action).collection()


def list_collections(
    *,
    principal: Principal,
    name: str | None = None,
    prefix: str | None = None,
    after: str | None = None,
    limit: int,
) -> list[Collection]:
    """The next `limit` collections behind the name `after` that the principal may see, by name."""
    collections = Collection.objects.select_related("active", "owner")
    rows = collections.visible_to(principal, Action.READ).order_by("name")
    if name is not None:
        rows = rows.filter(name=name)
    if prefix is not None:
        rows = rows.filter(name__startswith=prefix)
    if after is not None:
        rows = rows.filter(name__gt=after)
    found = list(rows[:limit])
    for collection in found:
        collection.narrow_to(principal, Action.READ)
    return found


def create_collection(
    *,
    principal: Principal,
    name: str,
    model: str,
    metric: Metric = Metric.COSINE,
    description: str = "",
    index: IndexChange = UNCHANGED,
    metadata_schema: SchemaChange | None = None,
    language: str = DEFAULT_LANGUAGE,
    chunking: ChunkingWish = NO_WISH,
    redaction: Redaction = NO_REDACTION,
) -> Collection:
    """A new, empty collection of the principal's, with its tables. Raises CollectionExists,
    UnknownModel, UnknownLanguage, InvalidIndex, InvalidRedaction, and what chunking_in_force
    raises.
    """
    check_redaction(redaction)
    info = model_info(model)
    if language != DEFAULT_LANGUAGE and language not in (known := languages()):
        raise UnknownLanguage(param="language", language=language, known=", ".join(known))
    index_settings = IndexSettings.default(dimensions=info.dimensions).changed(index)
    check_index(settings=index_settings, dimensions=info.dimensions)
    chunking_json = chunking_in_force(model=info.name, wish=chunking).as_json()
    try:
        with transaction.atomic():
            collection = Collection.objects.create(
                name=name,
                description=description,
                language=language,
                chunking=chunking_json,
                redaction=redaction.as_json(),
                owner_id=principal.user_id,
            )
            partitions.create_documents_partition(collection_id=collection.pk)
            collection.active = Generation.objects.create(
                collection=collection,
                model=info.name,
                fingerprint=info.fingerprint,
                dimensions=info.dimensions,
                metric=metric.value,
                state=GenerationState.ACTIVE.value,
                **index_settings.as_columns(),
            )
            partitions.create_chunks_partition(generation=collection.active)
            collection.save(update_fields=["active"])
            declare_fields(collection=collection, fields=metadata_schema or {})
            _record(
                collection,
                event="collection.create",
                after={
                    **_settings(collection),
                    "model": info.name,
                    "metric": metric.value,
                    "language": language,
                    "chunking": chunking_json,
                },
            )
    except IntegrityError as error:
        if "collections_name" in str(error):
            raise CollectionExists(param="name", name=name) from None
        raise
    collection.refresh_from_db(fields=["created_at", "updated_at"])
    collection.narrow_to(principal, Action.MANAGE)
    return collection


def update_collection(
    *,
    collection: Collection,
    name: str | None = None,
    description: str | None = None,
    index: IndexChange = UNCHANGED,
    metadata_schema: SchemaChange | None = None,
    redaction: Redaction | None = None,
) -> Collection:
    """Rename, describe, ask for another index, declare or remove fields of the metadata, redact
    something else from now on. Raises CollectionExists, IndexBusy, InvalidIndex, InvalidRedaction,
    and what change_fields raises.
    """
    if redaction is not None:
        check_redaction(redaction)
    before = _settings(collection)
    if name is not None:
        collection.name = name
    if description is not None:
        collection.description = description
    collection.updated_at = Now()
    try:
        with transaction.atomic():
            collection.save(update_fields=["name", "description", "updated_at"])
            change_index(collection=collection, change=index)
            change_fields(collection=collection, changes=metadata_schema or {})
            _change_redaction(collection, redaction)
            after = _settings(collection)
            changed = [key for key, value in after.items() if value != before[key]]
            _record(
                collection,
                event="collection.update",
                before={key: before[key] for key in changed},
                after={key: after[key] for key in changed},
            )
    except IntegrityError:
        raise CollectionExists(param="name", name=name) from None
    collection.refresh_from_db(fields=["updated_at", "version"])
    return collection


def _change_redaction(collection: Collection, redaction: Redaction | None) -> None:
    if redaction is None or collection.redaction == redaction.as_json():
        return
    collection.redaction = redaction.as_json()
    # What is cached of searches was asked otherwise.
    Collection.objects.filter(pk=collection.pk).update(
        redaction=collection.redaction, version=F("version") + 1
    )


def delete_collection(*, collection: Collection) -> None:
    """Gone for every reader at once; the tables follow after the commit, without blocking
    anyone.
    """
    collection_id: uuid.UUID = collection.pk
    with transaction.atomic():
        generation_ids = list(collection.generations.values_list("pk", flat=True))
        _record(
            collection,
            event="collection.delete",
            before={**_settings(collection), "document_count": collection.document_count},
        )
        collection.delete()
        transaction.on_commit(
            lambda: partitions.drop_partitions(
                collection_id=collection_id, generation_ids=generation_ids
            ),
            robust=True,  # what a failure leaves behind is swept by drop_orphaned_partitions
        )


def transfer_collection(*, principal: Principal, collection: Collection, to: str) -> Collection:
    """The collection as the property of the active user of this name: for its owner, to whom no
    more is left of it than is granted, and for administrators.

    Raises ActionForbidden for others who may manage it, and UnknownUser.
    """
    if principal.user_id != collection.owner_id and not principal.may(Action.ADMINISTER):
        raise ActionForbidden(action=Action.ADMINISTER.value)
    heir = active_user(username=to, param="owner")
    with transaction.atomic():
        lock_collection(collection)
        mine = Collection.objects.filter(pk=collection.pk, owner_id=collection.owner_id)
        if not mine.update(owner=heir, updated_at=Now()):
            raise NotFound
        record(
            event="collection.transfer",
            object_type="collection",
            object_id=str(collection.pk),
            collection_id=collection.pk,
            before={"owner": collection.owner.username},
            after={"owner": heir.username},
        )
    collection.owner = heir
    collection.refresh_from_db(fields=["updated_at"])
    return collection


def _settings(collection: Collection) -> dict[str, Any]:
    return {
        "name": collection.name,
        "description": collection.description,
        "index": IndexSettings.of(collection.generation).as_columns(),
        "metadata_schema": collection.metadata_schema,
        "redaction": collection.redaction,
    }


def _record(collection: Collection, *, event: str, **changes: Any) -> None:
    record(
        event=event,
        object_type="collection",
        object_id=str(collection.pk),
        collection_id=collection.pk,
        **changes,
    )


def lock_collection(collection: Collection) -> None:
    """Let nobody else write to the collection's documents until the transaction ends.

    Short write transactions in turn keep counts, versions and vectors right without further locks.
    The collection's schema and its redaction are read anew, for what is written must conform to
    them. Raises NotFound when the collection has been deleted meanwhile.
    """
    locked = Collection.objects.select_for_update(no_key=True).filter(pk=collection.pk)
    found = list(locked.values_list("metadata_schema", "redaction"))
    if not found:
        raise NotFound
    [(collection.metadata_schema, collection.redaction)] = found
