"""Users and teams in the operators' console."""

from accounts.admin.teams import TeamAdmin
from accounts.admin.users import UserAdmin

__all__ = ["TeamAdmin", "UserAdmin"]
