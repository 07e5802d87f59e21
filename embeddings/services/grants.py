"""Who may do what with a collection, besides its owner: listed, granted, changed, revoked."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts.exceptions import NotFound
from accounts.policy import Role
from accounts.services.audit import record
from accounts.services.teams import known_team
from accounts.services.users import active_user
from embeddings.exceptions import GrantExists, OwnerSeesAll
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
    JSON, lets through. Raises UnknownUser, UnknownTeam, GrantExists, OwnerSeesAll and
    InvalidFilter.
    """
    grant = Grant(
        collection=collection,
        user=None if user is None else active_user(username=user, param="user"),
        team=None if team is None else known_team(name=team, param="team"),
        role=role,
        row_filter=row_filter,
        created_by_id=created_by_id,
    )
    with transaction.atomic():
        lock_collection(collection)
        _save(grant)
        _record("grant.create", grant, after=_state(grant))
    grant.refresh_from_db(fields=["created_at"])
    return grant


def change_grant(*, grant: Grant, fields: dict[str, Any]) -> Grant:
    """With another `role` or `row_filter`, from the next request on. Raises GrantExists,
    OwnerSeesAll and InvalidFilter.
    """
    before = _state(grant)
    for name, value in fields.items():
        setattr(grant, name, value)
    with transaction.atomic():
        lock_collection(grant.collection)
        if not Grant.objects.filter(pk=grant.pk).exists():
            raise NotFound
        _save(grant, update_fields=[*fields])
        _record("grant.change", grant, before=before, after=_state(grant))
    return grant


def delete_grant(*, grant: Grant) -> None:
    """What it opened is shut from the next request on."""
    with transaction.atomic():
        _record("grant.delete", grant, before=_state(grant))
        grant.delete()


def _grants(collection: Collection) -> QuerySet[Grant]:
    return collection.grants.select_related("collection", "user", "team", "created_by")


def _save(grant: Grant, *, update_fields: list[str] | None = None) -> None:
    if grant.row_filter is not None:
        if grant.role == Role.OWNER:
            raise OwnerSeesAll(param="row_filter")
        parse_filter(grant.row_filter, param="row_filter")
    try:
        with transaction.atomic():
            grant.save(update_fields=update_fields)
    except IntegrityError:
        raise GrantExists(param="role", role=grant.role, grantee=grant.grantee) from None


def _record(event: str, grant: Grant, **state: Any) -> None:
    record(
        event=event,
        object_type="grant",
        object_id=str(grant.pk),
        collection_id=grant.collection_id,
        **state,
    )


def _state(grant: Grant) -> dict[str, Any]:
    return {
        "user": None if grant.user is None else grant.user.username,
        "team": None if grant.team is None else grant.team.name,
        "role": str(grant.role),
        "row_filter": grant.row_filter,
    }
