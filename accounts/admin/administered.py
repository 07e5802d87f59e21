"""What only some may do in the console, whatever permissions were given by hand."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.models import User
from accounts.policy import Action


def session_may(request: HttpRequest, action: Action) -> bool:
    """Whether the site role of the session's user allows the action everywhere."""
    user = request.user
    return isinstance(user, User) and user.is_active and user.as_principal().may(action)


def may_administer(request: HttpRequest) -> bool:
    """Whether the session is an administrator's."""
    return session_may(request, Action.ADMINISTER)


class Administered(admin.ModelAdmin):
    """A permission to change users would be one to become an administrator."""

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        """For administrators."""
        return may_administer(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For administrators."""
        return may_administer(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For administrators."""
        return may_administer(request)
