"""Grants in the console: across all collections, and beside their own."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from accounts.admin.administered import Administered, may_administer
from accounts.admin.theme import TabularInline
from embeddings.admin.faults import FaultAdmin, FaultForm
from embeddings.admin.json_text import WithRowFilter
from embeddings.models import Grant
from embeddings.services.grants import delete_grant, save_grant


class GrantInline(WithRowFilter, TabularInline):
    """Who may do what with the collection."""

    model = Grant
    fields = ("user", "team", "role", "row_filter")
    hide_title = True
    autocomplete_fields = ("user", "team")
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For administrators: a permission given by hand would let its holder in everywhere."""
        return may_administer(request)

    has_change_permission = has_delete_permission = has_add_permission


def save_grants(request: HttpRequest, formset: Any) -> None:
    """What a valid formset of grants asks for."""
    formset.save(commit=False)
    for grant in formset.deleted_objects:
        delete_grant(grant=grant)
    for grant, fields in formset.changed_objects:
        save_grant(grant=grant, update_fields=fields)
    for grant in formset.new_objects:
        grant.created_by_id = request.user.pk
        save_grant(grant=grant)


class GrantForm(FaultForm):
    """As the service takes it."""

    class Meta:
        model = Grant
        fields = ("collection", "user", "team", "role", "row_filter")


@admin.register(Grant)
class GrantAdmin(WithRowFilter, Administered, FaultAdmin):
    """Who may do what, wherever; of a grant that there is, its role and row filter change."""

    form = GrantForm
    list_display = ("id", "collection", "user", "team", "role", "documents", "created_at")
    list_filter: ClassVar[Any] = (
        ("user", AutocompleteSelectFilter),
        ("team", AutocompleteSelectFilter),
        ("collection", AutocompleteSelectFilter),
        "role",
    )
    list_filter_submit = True
    list_select_related = ("collection", "user", "team")
    autocomplete_fields = ("collection", "user", "team")

    def get_readonly_fields(self, request: HttpRequest, obj: Grant | None = None) -> Any:
        """Whom it is for, and on what, once it is there."""
        return ("collection", "user", "team") if obj else ()

    @admin.display
    def documents(self, grant: Grant) -> str:
        """Whether it opens all of them."""
        return "all" if grant.row_filter is None else "some"

    def save_model(self, request: HttpRequest, obj: Grant, form: Any, change: bool) -> None:
        """Through the service."""
        if change:
            save_grant(grant=obj, update_fields=form.changed_data)
            return
        obj.created_by_id = request.user.pk
        save_grant(grant=obj)

    def delete_model(self, request: HttpRequest, obj: Grant) -> None:
        """Through the service."""
        delete_grant(grant=obj)
