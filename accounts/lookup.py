"""Look-ups that stand before every request: their querysets are compiled once.

Building a query of two tables takes Django 1.4 ms here, each time; PostgreSQL answers the prepared
statement in 0.05 ms.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar, cast

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS
from django.db.models import Model, QuerySet

from accounts.store.batch import Batch, BatchQuery

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of a value that is known only when the look-up runs."""

    name: str


@dataclass(frozen=True)
class Lookup(Generic[Row]):
    """A query for one row with a related one; `sql` is None where there can be no such row."""

    model: type[Row]
    related: str
    sql: bytes | None
    params: tuple[Any, ...]
    annotations: tuple[str, ...] = ()

    @cached_property
    def related_model(self) -> type[Model]:
        """The model of the related row."""
        related: Any = self.model._meta.get_field(self.related).related_model
        return cast("type[Model]", related)

    @cached_property
    def names(self) -> tuple[list[str], list[str]]:
        """The attributes that the row's columns are for: the model's, then, behind the annotations,
        the related one's.
        """
        first, second = (
            [field.attname for field in model._meta.concrete_fields]
            for model in (self.model, self.related_model)
        )
        return first, second


def compile_lookup(queryset: QuerySet[Row], *, related: str, **stand_ins: Any) -> Lookup[Row]:
    """The look-up that the queryset spells with stand-ins for its values: each must be equal to no
    other value in it.
    """
    try:
        query = queryset.select_related(related).order_by()[:1].query
        sql, params = query.sql_with_params()
    except EmptyResultSet:
        return Lookup(queryset.model, related, None, ())
    names = {value: name for name, value in stand_ins.items()}
    slots = tuple(Slot(names[value]) if value in names else value for value in params)
    annotations = tuple(query.annotation_select)
    return Lookup(queryset.model, related, sql.encode(), slots, annotations)


@dataclass(frozen=True, slots=True)
class QueuedLookup(Generic[Row]):
    """A look-up in a batch, for when that was sent; `query` is None where there can be no row."""

    lookup: Lookup[Row]
    query: BatchQuery | None

    def row(self) -> Row | None:
        """The row with its related one, or None."""
        rows = self.query.rows() if self.query else []
        return _instance(self.lookup, rows[0]) if rows else None

    def row_as_sent(self) -> list[bytes | None] | None:
        """The row, unread: equal to that of another time where nothing in it has changed."""
        return self.query.row_as_sent() if self.query else None


def look_up(lookup: Lookup[Row], **values: Any) -> Row | None:
    """The row with its related one, or None."""
    batch = Batch()
    queued = queue_lookup(batch, lookup, **values)
    batch.send()
    return queued.row()


def queue_lookup(batch: Batch, lookup: Lookup[Row], **values: Any) -> QueuedLookup[Row]:
    """The look-up, which travels with the rest of the batch."""
    if lookup.sql is None:
        return QueuedLookup(lookup, None)
    params = [values[p.name] if isinstance(p, Slot) else p for p in lookup.params]
    return QueuedLookup(lookup, batch.queue(lookup.sql, params))


def _instance(lookup: Lookup[Row], row: tuple[Any, ...]) -> Row:
    names, related_names = lookup.names
    own, behind = len(names), len(names) + len(lookup.annotations)
    instance = lookup.model.from_db(DEFAULT_DB_ALIAS, names, row[:own])
    for name, value in zip(lookup.annotations, row[own:behind], strict=True):
        setattr(instance, name, value)
    other = lookup.related_model.from_db(DEFAULT_DB_ALIAS, related_names, row[behind:])
    setattr(instance, lookup.related, None if other.pk is None else other)
    return instance
