"""Credentials in the operators' console."""

from accounts.admin.credentials import IdentityAdmin
from accounts.admin.oauth import ApplicationAdmin

__all__ = ["ApplicationAdmin", "IdentityAdmin"]
