"""Pages of the console that only show."""

from typing import Any

from django.http import HttpRequest

from accounts.admin.theme import ModelAdmin


class ReadOnly(ModelAdmin):
    """What is written elsewhere is neither made, changed nor deleted here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False
