"""Teams: made, changed, deleted, with their members."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts.exceptions import InvalidName, NotFound, TeamExists, UnknownTeam, UnknownUser
from accounts.models import Team, User
from accounts.models.limits import LIMITS
from accounts.names import WHAT_A_NAME_IS, is_name
from accounts.services.recorded import State, recorded
from accounts.services.verified_tokens import forget_verified_tokens


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


def create_team(*, name: str, members: Sequence[str] = (), limits: dict[str, int | None]) -> Team:
    """A new team of the users with these names. Raises InvalidName, TeamExists and UnknownUser."""
    team = Team(name=name, **limits)
    with changing(team):
        _save(team)
        team.user_set.set(_users(members, param="members"))
    return get_team(name=name)


def change_team(
    *,
    team: Team,
    name: str | None = None,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    limits: dict[str, int | None],
) -> Team:
    """Its grants hold for those who come, and no more for those who go, from the next request on.
    Raises InvalidName, TeamExists and UnknownUser.
    """
    values = limits if name is None else {**limits, "name": name}
    for field, value in values.items():
        setattr(team, field, value)
    with changing(team):
        team.user_set.add(*_users(add, param="add"))
        team.user_set.remove(*User.objects.filter(username__in=[*filter(is_name, remove)]))
        _save(team, update_fields=[*values])
    return get_team(name=team.name)


def delete_team(*, team: Team) -> None:
    """With its grants; its users stay."""
    with changing(team):
        team.delete()


@contextmanager
def changing(team: Team) -> Iterator[None]:
    """A transaction in which the team is made, changed or deleted, with its entry in the audit."""
    with recorded(noun="team", row=team, state=_state):
        yield
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


def _state(pk: int) -> State:
    team = Team.objects.filter(pk=pk).first()
    if team is None:
        return None
    return {
        "name": team.name,
        "members": sorted(team.user_set.values_list("username", flat=True)),
        **{name: getattr(team, name) for name in LIMITS},
    }
