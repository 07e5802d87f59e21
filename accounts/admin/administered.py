"""What only administrators may change, whatever permissions were given by hand."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.models import User
from accounts.policy import Action


def may_administer(request: HttpRequest) -> bool:
    """Whether the session is an administrator's."""
    user = request.user
    return isinstance(user, User) and user.is_active and user.as_principal().may(Action.ADMINISTER)


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
