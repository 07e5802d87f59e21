"""Unfold's classes for pages of models and its forms of users, as those that they extend: it has no
types.
"""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib.admin.exceptions import (
    DisallowedModelAdminLookup,
    DisallowedModelAdminToField,
)
from django.contrib.admin.utils import unquote
from django.core.exceptions import (
    BadRequest,
    FieldDoesNotExist,
    PermissionDenied,
    ValidationError,
)
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts.admin.paging import BoundedPaginator

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
    """Of which the history is what the audit has on record. Django's own log is not written: it
    would keep names of what is erased.
    """

    list_per_page = 50
    paginator = BoundedPaginator
    show_full_result_count = False

    noun = ""
    """What the audit calls a row; else as its model is called."""

    noun_key = "pk"
    """The attribute by which the audit names a row."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """By what the list's filters offer alone. Django allows any column in the address: a secret
        that no page shows would be found letter by letter.
        """
        filters: Any = self.get_list_filter(request)
        names = [each[0] if isinstance(each, tuple | list) else each for each in filters]
        offered = [str(getattr(name, "parameter_name", name)) for name in names]
        is_offered = any(lookup == name or lookup.startswith(f"{name}__") for name in offered)
        return is_offered and super().lookup_allowed(lookup, value, request)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Raises BadRequest for what may not be filtered by: it is a fault of the address, and
        Django would log it as an error.
        """
        try:
            return super().get_changelist_instance(request)
        except (DisallowedModelAdminLookup, DisallowedModelAdminToField) as fault:
            raise BadRequest(str(fault)) from fault

    def about(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What the template of a row's page shows besides its form."""
        return {}

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        """With what is to be known of the row."""
        told = {} if obj is None else self.about(request, obj)
        return super().render_change_form(request, {**context, **told}, add, change, form_url, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """One after the other, each on record."""
        for row in queryset:
            self.delete_model(request, row)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What the address proposes, but for values that their fields could not have."""
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        return {name: value for name, value in initial.items() if self._can_have(name, value)}

    def _can_have(self, name: str, value: Any) -> bool:
        try:
            field: Any = self.opts.get_field(name)
            field.to_python(value)
        except (FieldDoesNotExist, ValidationError):
            return False
        return True

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

    def _not_logged(self, *_: Any) -> Any:
        """The service has put it on record."""

    log_addition = log_change = log_deletions = _not_logged  # type: ignore[assignment]
