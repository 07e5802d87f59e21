"""Users: made, changed, deactivated; somebody administers the service always."""

from typing import Any, TypedDict

from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts.exceptions import InvalidName, LastAdmin, NotFound, UnknownUser, UserExists
from accounts.models import Team, User
from accounts.names import WHAT_A_NAME_IS, is_name
from accounts.policy import SiteRole
from accounts.services.audit import record
from accounts.services.tokens import forget_verified_tokens

LIMITS = ("requests_per_minute", "tokens_per_day", "tokens_per_month")


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
    values: dict[str, Any] = {**fields, "is_staff": console}
    try:
        with transaction.atomic():
            user: User = User.objects.create_user(username, password=password, **values)
            _record("user.create", user, after=_state(user))
    except IntegrityError:
        raise UserExists(param="username", username=username) from None
    return user


def change_user(*, user: User, fields: UserFields) -> User:
    """Holds in every process within a second. The role is the whole of the site role: a superuser
    who gets a lower one is none any more. Raises LastAdmin.
    """
    before = _state(user)
    with transaction.atomic():
        if fields.get("is_active") is False or fields.get("role", SiteRole.ADMIN) != SiteRole.ADMIN:
            ensure_another_admin(user=user)
        values: dict[str, Any] = {**fields}
        if "role" in fields:
            values["is_superuser"] = user.is_superuser and fields["role"] == SiteRole.ADMIN
        for name, value in values.items():
            setattr(user, name, value)
        user.save(update_fields=[*values])
        _record("user.change", user, before=before, after=_state(user))
    forget_verified_tokens()
    return user


def ensure_another_admin(*, user: User) -> None:
    """There is an active administrator besides the user, and will be until the transaction ends.
    Raises LastAdmin.
    """
    admins = User.objects.filter(Q(is_superuser=True) | Q(role=SiteRole.ADMIN), is_active=True)
    # Two who remove each other at the same time wait here, and the second finds nobody else.
    ids = list(admins.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))
    if ids == [user.pk]:
        raise LastAdmin(username=user.username)


def _named(username: str) -> User | None:
    users = User.objects.select_related("team").prefetch_related("groups")
    return users.filter(username=User.normalize_username(username)).first()


def _record(event: str, user: User, **state: Any) -> None:
    record(event=event, object_type="user", object_id=str(user.pk), **state)


def _state(user: User) -> dict[str, Any]:
    return {
        "username": user.username,
        "role": user.site_role.value,
        "is_active": user.is_active,
        "is_staff": user.is_staff,
        "team": None if user.team is None else user.team.name,
        **{name: getattr(user, name) for name in LIMITS},
    }
