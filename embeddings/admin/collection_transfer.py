"""Giving a collection to another user, in the console."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from accounts.admin.theme import ModelAdmin
from accounts.console_page import principal_of_session
from accounts.exceptions import Problem
from embeddings.admin.faults import tell
from embeddings.models import Collection
from embeddings.services.collection import transfer_collection


def transfer_view(page: ModelAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    """Asks whom, and gives it."""
    collection = page.get_object(request, object_id)
    if not isinstance(collection, Collection):
        raise Http404
    if not page.has_change_permission(request, collection):
        raise PermissionDenied
    form = _form(page, request)
    back = reverse("admin:embeddings_collection_change", args=[collection.pk])
    if request.method == "POST" and form.is_valid():
        try:
            transfer_collection(
                principal=principal_of_session(request),
                collection=collection,
                to=form.cleaned_data["owner"].username,
            )
        except Problem as problem:
            tell(form, problem)
        else:
            page.message_user(request, f"{collection} belongs to {collection.owner} now.")
            return HttpResponseRedirect(back)
    context = {
        **page.admin_site.each_context(request),
        "title": f"Transfer {collection}",
        "collection": collection,
        "form": form,
        "media": page.media + form.media,
        "back": back,
    }
    return TemplateResponse(request, "console/collection_transfer.html", context)


def _form(page: ModelAdmin, request: HttpRequest) -> forms.Form:
    field: Any = page.formfield_for_dbfield(Collection._meta.get_field("owner"), request)
    field.widget.can_add_related = field.widget.can_change_related = False
    field.widget.can_view_related = field.widget.can_delete_related = False
    form = forms.Form(request.POST or None)
    form.fields["owner"] = field
    return form
