"""Users, teams and API tokens in the operators' console."""

from accounts.admin.teams import TeamAdmin
from accounts.admin.tokens import ApiTokenAdmin
from accounts.admin.users import UserAdmin

__all__ = ["ApiTokenAdmin", "TeamAdmin", "UserAdmin"]
