"""What only some may do in the console, whatever permissions were given by hand."""

from typing import Any

from django.http import HttpRequest

from accounts.admin.theme import ModelAdmin
from accounts.console_page import session_may
from accounts.policy import Action


def may_administer(request: HttpRequest) -> bool:
    """Whether the session is an administrator's."""
    return session_may(request, Action.ADMINISTER)


class Administered(ModelAdmin):
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
