"""Teams: made, changed, deleted, with their members."""

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts.exceptions import InvalidName, NotFound, TeamExists, UnknownTeam, UnknownUser
from accounts.models import Team, User
from accounts.names import WHAT_A_NAME_IS, is_name
from accounts.services.audit import record
from accounts.services.tokens import forget_verified_tokens
from accounts.services.users import LIMITS

Limit = int | None


def list_teams(*, after: str | None = None, prefix: str | None = None, limit: int) -> list[Team]:
    """The next `limit` teams behind the name `after`, by name, with their members."""
    teams = _teams().order_by("name")
    if after is not None:
        teams = teams.filter(name__gt=after)
    if prefix is not None:
        teams = teams.filter(name__startswith=prefix)
    return list(teams[:limit])


def get_team(*, name: str) -> Team:
    """Raises NotFound."""
    team = _teams().filter(name=name).first() if is_name(name) else None
    if team is None:
        raise NotFound
    return team


def known_team(*, name: str, param: str) -> Team:
    """Which a request names. Raises UnknownTeam."""
    team = _teams().filter(name=name).first() if is_name(name) else None
    if team is None:
        raise UnknownTeam(param=param, team=name)
    return team


def create_team(*, name: str, members: Sequence[str] = (), limits: dict[str, Limit]) -> Team:
    """A new team of the users with these names. Raises InvalidName, TeamExists and UnknownUser."""
    with transaction.atomic():
        team = Team(name=name, **limits)
        _save(team)
        team.user_set.set(_users(members, param="members"))
        made = get_team(name=name)
        _record("team.create", made, after=_state(made))
    return made


def change_team(
    *,
    team: Team,
    name: str | None = None,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    limits: dict[str, Limit],
) -> Team:
    """Its grants hold for those who come, and no more for those who go, from the next request on.
    Raises InvalidName, TeamExists and UnknownUser.
    """
    before = _state(team)
    with transaction.atomic():
        team.user_set.add(*_users(add, param="add"))
        team.user_set.remove(*User.objects.filter(username__in=[*filter(is_name, remove)]))
        values = limits if name is None else {**limits, "name": name}
        for field, value in values.items():
            setattr(team, field, value)
        _save(team, update_fields=[*values])
        changed = get_team(name=team.name)
        _record("team.change", changed, before=before, after=_state(changed))
    forget_verified_tokens()
    return changed


def delete_team(*, team: Team) -> None:
    """With its grants; its users stay."""
    with transaction.atomic():
        _record("team.delete", team, before=_state(team))
        team.delete()
    forget_verified_tokens()


def _teams() -> QuerySet[Team]:
    return Team.objects.prefetch_related("user_set")


def _save(team: Team, *, update_fields: list[str] | None = None) -> None:
    if not is_name(team.name):
        raise InvalidName(param="name", rule=WHAT_A_NAME_IS)
    try:
        with transaction.atomic():
            team.save(update_fields=update_fields)
    except IntegrityError:
        raise TeamExists(param="name", team=team.name) from None


def _users(names: Sequence[str], *, param: str) -> list[User]:
    spelled = {User.normalize_username(name): name for name in names}
    known = [name for name in spelled if is_name(name)]
    found = list(User.objects.filter(username__in=known, is_active=True))
    unknown = spelled.keys() - {user.username for user in found}
    if unknown:
        raise UnknownUser(param=param, username=spelled[min(unknown)])
    return found


def _record(event: str, team: Team, **state: Any) -> None:
    record(event=event, object_type="team", object_id=str(team.pk), **state)


def _state(team: Team) -> dict[str, Any]:
    return {
        "name": team.name,
        "members": sorted(user.username for user in team.user_set.all()),
        **{name: getattr(team, name) for name in LIMITS},
    }
