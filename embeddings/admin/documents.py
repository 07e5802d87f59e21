"""Documents in the console: read one collection at a time, deleted through the service."""

import uuid
from contextlib import suppress
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.db.models.functions import Left
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict

from accounts.admin.theme import ModelAdmin
from embeddings.admin.display import pretty_json
from embeddings.admin.paging import BoundedPaginator
from embeddings.exceptions import NotFound
from embeddings.models import Collection, Document
from embeddings.models.document import document_id
from embeddings.services.documents import delete_document

CHOICES = 100
EXCERPT_CHARS = 120
CHOOSE = "Choose a collection to list its documents"


def collection_of(request: HttpRequest) -> uuid.UUID | None:
    """The collection that the page is about, from the list's own filter or from the one that its
    links carry on.
    """
    carried = QueryDict(request.GET.get("_changelist_filters", ""))
    with suppress(ValueError):
        return uuid.UUID(request.GET.get("collection") or carried.get("collection") or "")
    return None


class CollectionFilter(admin.SimpleListFilter):
    """Without a choice the list is empty: it would read every collection's table."""

    title = "collection"
    parameter_name = "collection"

    def lookups(self, request: HttpRequest, _model_admin: ModelAdmin) -> list[tuple[str, str]]:
        """The first collections by name; the others are reached from their own list."""
        rows = list(Collection.objects.order_by("name").values_list("pk", "name")[:CHOICES])
        chosen = collection_of(request)
        if chosen and chosen not in dict(rows):
            rows += Collection.objects.filter(pk=chosen).values_list("pk", "name")
        return [(str(pk), name) for pk, name in rows]

    def has_output(self) -> bool:
        """Also with a single collection to choose."""
        return True

    def queryset(self, request: HttpRequest, queryset: QuerySet[Document]) -> QuerySet[Document]:
        """Of each text only the beginning; the partition is chosen already."""
        if collection_of(request) is None:
            return queryset.none()
        return queryset.annotate(excerpt=Left("text", EXCERPT_CHARS)).defer("text", "metadata")


@admin.register(Document)
class DocumentAdmin(ModelAdmin):
    """What callers stored is shown and never run: everything is escaped."""

    list_display = ("external_id", "beginning", "updated_at")
    list_filter = (CollectionFilter,)
    list_per_page = 50
    show_full_result_count = False
    paginator = BoundedPaginator
    ordering = ("id",)
    search_fields = ("external_id",)
    search_help_text = "A document's whole id."
    # It would offer to select all pages.
    actions_selection_counter = False
    fields = (
        "external_id",
        "id",
        "collection",
        "text",
        "pretty_metadata",
        "created_at",
        "updated_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        """One partition wherever the page says which."""
        rows = super().get_queryset(request).select_related("collection")
        chosen = collection_of(request)
        return rows.filter(collection_id=chosen) if chosen else rows

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Document], search_term: str
    ) -> tuple[QuerySet[Document], bool]:
        """By the id alone: nothing else of a document has an index."""
        chosen = collection_of(request)
        if not search_term or chosen is None:
            return queryset, False
        key = document_id(collection_id=chosen, external_id=search_term)
        return queryset.filter(id=key), False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """With a hint where the list is empty for want of a choice."""
        hint = {} if collection_of(request) else {"title": CHOOSE}
        return super().changelist_view(request, {**hint, **(extra_context or {})})

    def response_action(  # type: ignore[override]  # the stubs are ahead of Django 5.2
        self, request: HttpRequest, queryset: QuerySet[Document]
    ) -> HttpResponse | None:
        """Only what stands on the page: Django would load every document of the collection."""
        if request.POST.get("select_across") == "1":
            messages.error(request, "Delete many documents by filter, through the API.")
            return HttpResponseRedirect(request.get_full_path())
        return super().response_action(request, queryset)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Documents come through the API."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Document | None = None) -> bool:
        """As above."""
        return False

    def delete_model(self, request: HttpRequest, obj: Document) -> None:
        """Through the service, which keeps the count; one that is gone already is no fault."""
        with suppress(NotFound):
            delete_document(collection=obj.collection.show_whole(), external_id=obj.external_id)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        """As many as stand on a page."""
        for document in queryset:
            self.delete_model(request, document)

    @admin.display(description="text")
    def beginning(self, obj: Document) -> str:
        """The first characters."""
        return str(getattr(obj, "excerpt", ""))

    @admin.display(description="metadata")
    def pretty_metadata(self, obj: Document) -> str:
        """Indented."""
        return pretty_json(obj.metadata)
