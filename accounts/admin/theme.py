"""Unfold's classes for pages of models and its forms of users, as those that they extend: it has no
types.
"""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin as ThemedModelAdmin
    from django.contrib.admin import StackedInline, TabularInline
    from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm
    from django.contrib.auth.forms import AdminUserCreationForm as UserCreationForm
else:
    from unfold.admin import ModelAdmin as ThemedModelAdmin
    from unfold.admin import StackedInline, TabularInline
    from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

__all__ = [
    "AdminPasswordChangeForm",
    "ModelAdmin",
    "StackedInline",
    "TabularInline",
    "UserChangeForm",
    "UserCreationForm",
]


class ModelAdmin(ThemedModelAdmin):
    """Of which the history is what the audit has on record, not Django's own log."""

    noun = ""
    """What the audit calls a row; else as its model is called."""

    noun_key = "pk"
    """The attribute by which the audit names a row."""

    def history_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Leads to the audit. Raises PermissionDenied."""
        row = self.get_object(request, unquote(object_id))
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined,no-any-return]
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        noun = self.noun or self.opts.model_name
        query = urlencode({"object_type": noun, "object_id": getattr(row, self.noun_key)})
        return HttpResponseRedirect(f"{reverse('admin:audit')}?{query}")
