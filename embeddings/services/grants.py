"""Who may do what with a collection, besides its owner: listed, granted, changed, revoked."""

from contextlib import AbstractContextManager
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts.exceptions import NotFound
from accounts.policy import Role
from accounts.services.recorded import State, recorded
from accounts.services.teams import known_team
from accounts.services.users import active_user
from embeddings.exceptions_identity import GrantExists, OwnerSeesAll
from embeddings.models import Collection, Grant
from embeddings.services.collection import lock_collection
from embeddings.types.filter import parse_filter


def list_grants(*, collection: Collection, after: int = 0, limit: int) -> list[Grant]:
    """The next `limit` grants behind the id `after`, the oldest first."""
    return list(_grants(collection).filter(pk__gt=after).order_by("pk")[:limit])


def get_grant(*, collection: Collection, grant_id: int) -> Grant:
    """Raises NotFound, for a grant on another collection too."""
    grant = _grants(collection).filter(pk=grant_id).first()
    if grant is None:
        raise NotFound
    return grant


def find_grants(
    *, collection: Collection, user: str | None = None, team: str | None = None
) -> list[Grant]:
    """All grants to the user or to the team of this name."""
    to = {"team__name": team} if user is None else {"user__username": user}
    return list(_grants(collection).filter(**to))


def create_grant(
    *,
    collection: Collection,
    role: Role,
    user: str | None = None,
    team: str | None = None,
    row_filter: Any = None,
    created_by_id: int | None = None,
) -> Grant:
    """The role for the user or the team of this name, on the documents that the row filter, in
    JSON, lets through. Raises UnknownUser, UnknownTeam, and what save_grant raises.
    """
    grant = Grant(
        collection=collection,
        user=None if user is None else active_user(username=user, param="user"),
        team=None if team is None else known_team(name=team, param="team"),
        role=role,
        row_filter=row_filter,
        created_by_id=created_by_id,
    )
    save_grant(grant=grant)
    grant.refresh_from_db(fields=["created_at"])
    return grant


def change_grant(*, grant: Grant, fields: dict[str, Any]) -> Grant:
    """With another `role` or `row_filter`, from the next request on. Raises what save_grant
    raises.
    """
    for name, value in fields.items():
        setattr(grant, name, value)
    save_grant(grant=grant, update_fields=[*fields])
    return grant


def save_grant(*, grant: Grant, update_fields: list[str] | None = None) -> None:
    """Store a new grant, or what was changed on one. Raises GrantExists, OwnerSeesAll,
    InvalidFilter, and NotFound where it was revoked, or its collection deleted, meanwhile.
    """
    if grant.row_filter is not None:
        if grant.role == Role.OWNER:
            raise OwnerSeesAll(param="row_filter")
        parse_filter(grant.row_filter, param="row_filter")
    with _changing(grant):
        lock_collection(grant.collection)
        if grant.pk is not None and not Grant.objects.filter(pk=grant.pk).exists():
            raise NotFound
        try:
            with transaction.atomic():
                grant.save(update_fields=update_fields)
        except IntegrityError:
            raise GrantExists(param="role", role=grant.role, grantee=grant.grantee) from None


def delete_grant(*, grant: Grant) -> None:
    """What it opened is shut from the next request on."""
    with _changing(grant):
        grant.delete()


def _grants(collection: Collection) -> QuerySet[Grant]:
    return collection.grants.select_related("collection", "user", "team", "created_by")


def _changing(grant: Grant) -> AbstractContextManager[None]:
    return recorded(noun="grant", row=grant, state=_state, collection_id=grant.collection_id)


def _state(pk: int) -> State:
    grant = Grant.objects.select_related("user", "team").filter(pk=pk).first()
    if grant is None:
        return None
    return {
        "user": None if grant.user is None else grant.user.username,
        "team": None if grant.team is None else grant.team.name,
        "role": grant.role,
        "row_filter": grant.row_filter,
    }
