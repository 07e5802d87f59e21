"""Changing one row, and the entry of the audit that says how."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.models import Model

from accounts.services.audit import record

State = dict[str, Any] | None


@contextmanager
def recorded(
    *, noun: str, row: Model, state: Callable[[Any], State], collection_id: uuid.UUID | None = None
) -> Iterator[None]:
    """A transaction, at whose end is on record what has been made, changed or deleted of the row
    inside. `state` reads by primary key what the audit keeps; None of a row that is not there.
    """
    pk = row.pk
    with transaction.atomic():
        before = None if pk is None else state(pk)
        yield
        pk = row.pk or pk  # a row that was deleted forgets its own
        after = state(pk)
        if before == after:
            return
        verb = "create" if before is None else "delete" if after is None else "update"
        record(
            event=f"{noun}.{verb}",
            object_type=noun,
            object_id=str(pk),
            collection_id=collection_id,
            before=before,
            after=after,
        )
