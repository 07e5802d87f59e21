"""Refusals go on record: who was turned away, from what."""

import uuid
from functools import partial

from django.http import HttpRequest

from accounts.actor import current_actor
from accounts.exceptions import Problem
from accounts.models import Outcome
from accounts.services.audit_buffer import may_note_stranger, note
from embeddings.models import Collection


def note_denial(request: HttpRequest, problem: Problem) -> None:
    """Record a 401, a 403, or a 404 for a collection; other answers refuse nobody anything.

    A collection is told by its name, seen or not, there or not; which one that is, if any, is found
    out later: the answer takes no longer for it.
    """
    name = problem.values.get("collection")
    if problem.status not in (401, 403) and not (problem.status == 404 and name):
        return
    if current_actor().user_id is None and not may_note_stranger():
        return
    match = request.resolver_match
    route = "unmatched" if match is None else match.view_name or match.route
    note(
        event="request.deny",
        object_type="collection" if name else "route",
        object_id=name or route,
        collection_id=partial(_id_of, name) if name else None,
        after={
            "method": request.method,
            "route": route,
            "status": problem.status,
            "code": problem.code,
            "action": problem.values.get("action"),
        },
        outcome=Outcome.DENIED,
    )


def _id_of(name: str) -> uuid.UUID | None:
    if "\0" in name:  # which PostgreSQL has no text with
        return None
    return Collection.objects.filter(name=name).values_list("pk", flat=True).first()
