"""Passwords as Django checks them, and the site role as what a user may do in the console."""

from typing import Any

from django.contrib.auth.backends import ModelBackend

from accounts.models import User
from accounts.policy import SITE_ROLE_ACTIONS, Action

OPERATED = frozenset({"accounts", "embeddings", "axes", "procrastinate"})
"""What operators see. What else is installed may hold second factors and other secrets."""


class RoleBackend(ModelBackend):
    """Admins may do everything and operators see what is OPERATED; permissions given to a user or
    a group by hand hold as well.
    """

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Whether the role, or a permission given by hand, allows it."""
        if not isinstance(user_obj, User) or not user_obj.is_active:
            return False
        actions = SITE_ROLE_ACTIONS[user_obj.site_role]
        app_label, _, name = perm.partition(".")
        seen = app_label in OPERATED and name.startswith("view_")
        if Action.ADMINISTER in actions or (seen and Action.OPERATE in actions):
            return True
        return super().has_perm(user_obj, perm, obj)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Whether an app shows at all."""
        if not isinstance(user_obj, User) or not user_obj.is_active:
            return False
        actions = SITE_ROLE_ACTIONS[user_obj.site_role]
        seen = app_label in OPERATED
        if Action.ADMINISTER in actions or (seen and Action.OPERATE in actions):
            return True
        return super().has_module_perms(user_obj, app_label)
