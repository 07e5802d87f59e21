"""Users, teams and their credentials in the operators' console."""

from accounts.admin.credentials import IdentityAdmin
from accounts.admin.oauth import ApplicationAdmin
from accounts.admin.teams import TeamAdmin
from accounts.admin.users import UserAdmin

__all__ = ["ApplicationAdmin", "IdentityAdmin", "TeamAdmin", "UserAdmin"]
