"""Users: made, changed, deactivated; somebody administers the service always."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypedDict

from django.contrib.postgres.aggregates import ArrayAgg
from django.db import IntegrityError
from django.db.models import Q, QuerySet

from accounts.exceptions import InvalidName, LastAdmin, NotFound, UnknownUser, UserExists
from accounts.models import Team, User
from accounts.models.limits import LIMITS
from accounts.names import WHAT_A_NAME_IS, is_name
from accounts.policy import SiteRole
from accounts.services.recorded import State, recorded
from accounts.services.verified_tokens import forget_verified_tokens


class UserFields(TypedDict, total=False):
    """What may be chosen about a user; None of a limit is no limit."""

    role: SiteRole
    is_active: bool
    team: Team | None
    requests_per_minute: int | None
    tokens_per_day: int | None
    tokens_per_month: int | None


def list_users(*, after: str | None = None, prefix: str | None = None, limit: int) -> list[User]:
    """The next `limit` users behind the name `after`, by name, with their teams."""
    users = User.objects.select_related("team").prefetch_related("groups").order_by("username")
    if after is not None:
        users = users.filter(username__gt=after)
    if prefix is not None:
        users = users.filter(username__startswith=prefix)
    return list(users[:limit])


def get_user(*, username: str) -> User:
    """Raises NotFound."""
    user = _named(username) if is_name(username) else None
    if user is None:
        raise NotFound
    return user


def active_user(*, username: str, param: str) -> User:
    """Whom a request names. Raises UnknownUser, for one who was deactivated too."""
    user = _named(username) if is_name(username) else None
    if user is None or not user.is_active:
        raise UnknownUser(param=param, username=username)
    return user


def create_user(
    *, username: str, fields: UserFields, password: str | None = None, console: bool = False
) -> User:
    """A new user; without a password it comes with API tokens and the like alone. `console` lets it
    into the console. Raises UserExists and InvalidName.
    """
    if not is_name(username):
        raise InvalidName(param="username", rule=WHAT_A_NAME_IS)
    user = User(username=User.normalize_username(username), is_staff=console, **fields)
    user.set_password(password)
    try:
        with changing(user):
            user.save()
    except IntegrityError:
        raise UserExists(param="username", username=username) from None
    return user


def change_user(*, user: User, fields: UserFields) -> User:
    """Holds in every process within a second. The role is the whole of the site role: a superuser
    who gets a lower one is none any more. Raises LastAdmin.
    """
    values: dict[str, Any] = {**fields}
    if "role" in fields:
        values["is_superuser"] = user.is_superuser and fields["role"] == SiteRole.ADMIN
    for name, value in values.items():
        setattr(user, name, value)
    with changing(user):
        user.save(update_fields=[*values])
    return user


def delete_user(*, user: User) -> None:
    """With what was granted to it, and its tokens; collections keep their owner from being deleted.
    Raises LastAdmin, and Django's ProtectedError.
    """
    with changing(user):
        user.delete()


@contextmanager
def changing(user: User) -> Iterator[None]:
    """A transaction in which the user is made, changed or deleted, with its entry in the audit.
    Raises LastAdmin where nobody is left who administers the service.
    """
    pk = user.pk
    with recorded(noun="user", row=user, state=_state):
        was_admin = pk is not None and administrators().filter(pk=pk).exists()
        alone = was_admin and not has_other_administrators(user)
        yield
        if alone and not administrators().filter(pk=pk).exists():
            raise LastAdmin(username=user.username)
    forget_verified_tokens()


def administrators() -> QuerySet[User]:
    """The active users who administer the service."""
    return User.objects.filter(Q(is_superuser=True) | Q(role=SiteRole.ADMIN), is_active=True)


def has_other_administrators(user: User) -> bool:
    """Whether somebody besides the user administers the service, and will until the transaction
    ends: of two who remove each other at the same time, the second waits here and finds nobody.
    """
    locked = administrators().order_by("pk").select_for_update(no_key=True)
    return any(pk != user.pk for pk in locked.values_list("pk", flat=True))


def _named(username: str) -> User | None:
    users = User.objects.select_related("team").prefetch_related("groups")
    return users.filter(username=User.normalize_username(username)).first()


def _state(pk: int) -> State:
    by_hand = ArrayAgg(
        "user_permissions__codename", default=[], filter=Q(user_permissions__isnull=False)
    )
    users = User.objects.select_related("team").annotate(permissions=by_hand)
    user = users.filter(pk=pk).first()
    if user is None:
        return None
    return {
        "username": user.username,
        "password": user.password,  # of which the audit keeps a hash
        "role": user.site_role.value,
        "is_active": user.is_active,
        "is_staff": user.is_staff,
        "is_superuser": user.is_superuser,
        "permissions": sorted(user.permissions),
        "teams": sorted(user.groups.values_list("name", flat=True)),
        "team": None if user.team is None else user.team.name,
        **{name: getattr(user, name) for name in LIMITS},
    }
