"""Users who share grants, and limits."""

from typing import ClassVar

from django.contrib.auth.models import Group
from django.db.models import Manager

from accounts.models.limits import Limits


class Team(Group, Limits):
    """Django's group with limits of its own; its members are the group's."""

    account_kind = "team"

    # The stubs give every subclass the manager of groups, which makes groups.
    objects: ClassVar[Manager["Team"]] = Manager()  # type: ignore[assignment]
