"""Erasing a user: who it was, what it asked for, what it waits for. What it owns must get another
owner, or go too.
"""

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from accounts.exceptions import LastAdmin
from accounts.models import User
from accounts.principal import Principal
from accounts.services.audit import hash_of, record
from accounts.services.credential_upkeep import forget_visits
from accounts.services.users import (
    active_user,
    administrators,
    get_user,
    has_other_administrators,
)
from accounts.services.verified_tokens import forget_verified_tokens
from embeddings.exceptions import InvalidRequest, NotFound
from embeddings.exceptions_identity import OwnsCollections
from embeddings.models import Collection, FrequentQuery
from embeddings.services.cache import clear_cache
from embeddings.services.collection import delete_collection, transfer_collection
from embeddings.services.erase_cache import found
from embeddings.services.erase_jobs import cancel_warming_for
from embeddings.services.erase_remainders import left_of_user
from embeddings.types.erase import Erasure


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
    user_id = user.pk
    with transaction.atomic():
        # Who makes a collection for it meanwhile waits, and then can't.
        if User.objects.select_for_update().filter(pk=user_id).first() is None:
            raise NotFound
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
            sessions=forget_visits(user=user),
        )
        _delete(user)
    forget_verified_tokens()
    cleared = clear_cache()
    erasure.vectors = found(memory=cleared.memory, redis=cleared.redis)
    erasure.remains = left_of_user(user_id=user_id, redis_answered=erasure.vectors is not None)
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
