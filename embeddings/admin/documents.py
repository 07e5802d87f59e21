"""Documents in the console: one collection at a time, through the services of the API."""

import json
import uuid
from contextlib import suppress
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode

from accounts.admin.theme import ModelAdmin
from accounts.console_page import principal_of_session, session_may
from accounts.exceptions import Problem
from accounts.policy import Action
from embeddings.admin.document_forms import AddForm, ListForm, open_collection
from embeddings.admin.document_page import (
    document_url,
    indented,
    metadata_form,
    save_metadata,
    shown_document,
)
from embeddings.constants import OnConflict
from embeddings.exceptions import NotFound
from embeddings.models import Document
from embeddings.services.add import add_documents
from embeddings.services.document_input import parse_document
from embeddings.services.documents import delete_document, get_document, list_documents

PER_PAGE = 50
CHOOSE = "Choose a collection to list its documents."


@admin.register(Document)
class DocumentAdmin(ModelAdmin):
    """What callers stored is shown and never run: everything is escaped."""

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Document | None:
        """Out of the collection that the address names, else out of any."""
        key = _uuid(object_id)
        if key is None:
            return None
        rows = Document.objects.filter(pk=key)
        named = _uuid(request.GET.get("collection"))
        if named is not None:
            rows = rows.filter(collection_id=named)
        return rows.select_related("collection__active").first()

    def has_view_permission(self, request: HttpRequest, obj: Document | None = None) -> bool:
        """As in the API."""
        return session_may(request, Action.READ)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """As above."""
        return session_may(request, Action.WRITE)

    def has_change_permission(self, request: HttpRequest, obj: Document | None = None) -> bool:
        """As above."""
        return session_may(request, Action.WRITE)

    def has_delete_permission(self, request: HttpRequest, obj: Document | None = None) -> bool:
        """As above."""
        return session_may(request, Action.WRITE)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The documents behind a key, without counting; none before a collection is chosen."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = ListForm(request, request.GET)
        context = {"form": form, "choose": CHOOSE, **_listed(request, form)}
        title = f"Of {context['collection']}" if context["collection"] else "Choose a collection"
        return self._page(request, "documents.html", title, context)

    def add_view(
        self,
        request: HttpRequest,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Add one document, or give one that is there another text."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        sent = request.POST if request.method == "POST" else None
        form = AddForm(request, sent, initial=_initial(request))
        if form.is_valid() and (added := _added(request, form)) is not None:
            return HttpResponseRedirect(document_url(added))
        return self._page(request, "document_add.html", "Add a document", {"form": form})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A document with its chunks, and its metadata to be changed."""
        may_write = self.has_change_permission(request)
        if not self.has_view_permission(request) or (request.method == "POST" and not may_write):
            raise PermissionDenied
        found = self.get_object(request, object_id)
        if found is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined,no-any-return]
        action = Action.WRITE if request.method == "POST" else Action.READ
        try:
            collection = open_collection(request, str(found.collection_id), action)
        except Problem:  # deleted a moment ago
            raise Http404 from None
        form = metadata_form(request, found)
        if form.is_valid() and save_metadata(request, form, collection, found):
            return HttpResponseRedirect(document_url(found))
        context = {"form": form, "may_write": may_write, **shown_document(collection, found)}
        return self._page(request, "document.html", found.external_id, context)

    def delete_model(self, request: HttpRequest, obj: Document) -> None:
        """Through the service, which keeps the count; one that is gone already is no fault."""
        with suppress(NotFound):
            collection = open_collection(request, str(obj.collection_id), Action.WRITE)
            delete_document(collection=collection, external_id=obj.external_id)

    def response_delete(
        self, request: HttpRequest, obj_display: str, obj_id: int
    ) -> HttpResponseRedirect:
        """Back to the collection's list."""
        messages.success(request, f"Deleted {obj_display}.")
        chosen = request.GET.get("collection", "")
        page = reverse("admin:embeddings_document_changelist")
        return HttpResponseRedirect(f"{page}?{urlencode({'collection': chosen})}")

    def _page(
        self, request: HttpRequest, template: str, title: str, context: dict[str, Any]
    ) -> TemplateResponse:
        request.current_app = self.admin_site.name
        frame = {**self.admin_site.each_context(request), "title": title, "opts": self.opts}
        return TemplateResponse(request, f"console/{template}", {**frame, **context})


def _listed(request: HttpRequest, form: ListForm) -> dict[str, Any]:
    """The page's documents and the key behind which the next page begins."""
    collection = form.cleaned_data.get("collection") if form.is_valid() else None
    form.show_name()
    if collection is None:
        return {"documents": [], "collection": None}
    wanted = form.cleaned_data["id"]
    rows: list[Document] = []
    if wanted:
        with suppress(NotFound):
            rows = [get_document(collection=collection, external_id=wanted)]
    else:
        try:
            rows = list_documents(
                collection=collection,
                metadata_filter=form.cleaned_data["filter"],
                after=_uuid(request.GET.get("after")),
                limit=PER_PAGE + 1,
            )
        except Problem as problem:
            form.add_error("filter", problem.detail)
    return {
        "collection": collection,
        "shown_count": f"{collection.document_count:,}",
        "documents": [(row, document_url(row), _one_line(row.metadata)) for row in rows[:PER_PAGE]],
        "next": rows[PER_PAGE - 1].pk.hex if len(rows) > PER_PAGE else None,
        "is_filtered": bool(wanted or form.cleaned_data["filter"]),
        "may_write": session_may(request, Action.WRITE),
    }


def _one_line(metadata: dict[str, Any]) -> str:
    return json.dumps(metadata, ensure_ascii=False) if metadata else ""


def _initial(request: HttpRequest) -> dict[str, Any]:
    """The collection that a link names, and the document of it that is to be replaced."""
    named = request.GET.get("collection")
    if not named:
        return {}
    try:
        collection = open_collection(request, named, Action.WRITE)
        external_id = request.GET.get("id")
        if external_id is None:
            return {"collection": collection.name}
        document = get_document(collection=collection, external_id=external_id)
    except Problem:
        raise Http404 from None
    return {
        "collection": collection.name,
        "id": document.external_id,
        "text": document.text,
        "metadata": indented(document.metadata),
        "replace": True,
    }


def _added(request: HttpRequest, form: AddForm) -> Document | None:
    """The stored document; None where something is at fault, which the form then tells."""
    collection = form.cleaned_data["collection"]
    conflict = OnConflict.UPSERT if form.cleaned_data["replace"] else OnConflict.ERROR
    try:
        document = parse_document(form.raw())
        result = add_documents(
            collection=collection,
            documents=[document],
            owner_id=principal_of_session(request).user_id,
            on_conflict=conflict,
        )
    except Problem as problem:
        form.tell(problem)
        return None
    done = "Added" if result.added else "Changed" if result.updated else "Nothing changed in"
    messages.success(request, f"{done} {document.external_id}.")
    return get_document(collection=collection, external_id=document.external_id)


def _uuid(text: str | None) -> uuid.UUID | None:
    with suppress(ValueError):
        return uuid.UUID(text or "")
    return None
