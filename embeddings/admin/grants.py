"""Grants in the console, beside their collection."""

from typing import Any

from django.http import HttpRequest

from accounts.admin.administered import may_administer
from accounts.admin.theme import TabularInline
from embeddings.models import Grant
from embeddings.services.grants import delete_grant, save_grant


class GrantInline(TabularInline):
    """Who may do what with the collection."""

    model = Grant
    fields = ("user", "team", "role", "row_filter")
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
