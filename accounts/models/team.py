"""Users who share grants, and limits."""

from django.contrib.auth.models import Group

from accounts.models.limits import Limits


class Team(Group, Limits):
    """Django's group with limits of its own; its members are the group's."""

    account_kind = "team"
