"""Erasing a user: who it was, what it asked for, what it waits for. What it owns must get another
owner, or go too.
"""

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from accounts.exceptions import LastAdmin
from accounts.models import User
from accounts.principal import Principal
from accounts.services.audit import hash_of, record
from accounts.services.tokens import forget_verified_tokens
from accounts.services.users import (
    active_user,
    administrators,
    get_user,
    has_other_administrators,
)
from embeddings.exceptions import InvalidRequest
from embeddings.exceptions_identity import OwnsCollections
from embeddings.models import Collection, FrequentQuery
from embeddings.services.cache import clear_cache
from embeddings.services.collection import delete_collection, transfer_collection
from embeddings.services.erase import remainders
from embeddings.services.erase_cache import found
from embeddings.services.erase_jobs import cancel_warming_for
from embeddings.types.erase import Erasure, Remainder


def erase_user(
    *,
    principal: Principal,
    username: str,
    transfer_to: str | None = None,
    delete_collections: bool = False,
) -> Erasure:
    """Erase the account with its tokens, logins, grants, jobs with what they hold, recorded queries
    and cached vectors. To keep the account and shut it, deactivate it instead.

    Raises NotFound, LastAdmin, UnknownUser and InvalidRequest for the heir, and OwnsCollections
    where it is not said who gets the user's collections.
    """
    user = get_user(username=username)
    with transaction.atomic():
        if administrators().filter(pk=user.pk).exists() and not has_other_administrators(user):
            raise LastAdmin(username=user.username)
        collections = _part_with_collections(
            principal, user, transfer_to=transfer_to, delete=delete_collections
        )
        cancelled = cancel_warming_for(owner_id=user.pk)
        erasure = Erasure(
            jobs=cancelled + user.jobs.count(),
            queries=FrequentQuery.objects.filter(owner=user).count(),
            collections=collections,
            tokens=user.api_tokens.count(),
            grants=user.grants.count(),
            sessions=_end_sessions(user),
            remains=_remainders(user),
        )
        _delete(user)
    forget_verified_tokens()
    cleared = clear_cache()
    erasure.vectors = found(memory=cleared.memory, redis=cleared.redis)
    return erasure


def _part_with_collections(
    principal: Principal, user: User, *, transfer_to: str | None, delete: bool
) -> int:
    owned = list(Collection.objects.filter(owner=user).select_related("owner").order_by("pk"))
    if transfer_to is not None:
        heir = active_user(username=transfer_to, param="transfer_to")
        if heir.pk == user.pk:
            raise InvalidRequest(param="transfer_to", detail="Name another user.")
    elif owned and not delete:
        raise OwnsCollections(count=len(owned), username=user.username)
    for collection in owned:
        if transfer_to is None:
            delete_collection(collection=collection)
        else:
            transfer_collection(principal=principal, collection=collection, to=transfer_to)
    return len(owned)


def _end_sessions(user: User) -> int:
    """A session says whose it is inside of what it stores only."""
    ended = 0
    for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        if session.get_decoded().get("_auth_user_id") == str(user.pk):
            session.delete()
            ended += 1
    return ended


def _delete(user: User) -> None:
    """All that refers to the user goes too; of what others did to it only the audit is left."""
    pk, username = user.pk, user.username
    about = ContentType.objects.get_for_model(User)
    LogEntry.objects.filter(content_type=about, object_id=str(pk)).delete()
    user.delete()
    record(
        event="user.erase",
        object_type="user",
        object_id=str(pk),
        before={"hash_of_username": hash_of(username)},
    )


def _remainders(user: User) -> list[Remainder]:
    return [
        *remainders(),
        Remainder(
            what=f"Use is billed to the user's number, {user.pk}, which nobody gets again.",
            until="You delete it.",
        ),
        Remainder(
            what="Documents in collections of others don't say who added them.",
            until="They are erased by id or by filter.",
        ),
    ]
