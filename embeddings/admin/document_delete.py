"""Deleting several documents in the console: those chosen of a page, or those behind a filter."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from accounts.console_page import ConsolePage, console_page, principal_of_session
from accounts.exceptions import Problem
from accounts.policy import Action
from embeddings.admin.asked_once import CONFIRMED, ask
from embeddings.admin.document_forms import open_collection
from embeddings.admin.document_page import list_url
from embeddings.admin.json_text import FilterJsonField, read_json
from embeddings.admin.upkeep import tell_of_jobs
from embeddings.exceptions import NotFound
from embeddings.models import Collection
from embeddings.services.document_deletion import start_deletion
from embeddings.services.documents import delete_document, delete_documents

AT_ONCE = 10_000
"""Deleted in one request, which takes seconds; more are deleted by a job."""


@console_page
class DeletePage(ConsolePage):
    """Says what it will touch, and does it once that is confirmed."""

    path = "documents/delete/"
    name = "documents_delete"
    title = "Delete documents"
    action = Action.WRITE
    http_method_names = ["post"]

    def post(self, request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
        """Ask, or delete."""
        try:
            named = request.POST.get("collection", "")
            collection = open_collection(request, named, Action.WRITE)
            ids = request.POST.getlist("id")
            filter_text = request.POST.get("filter", "")
            if ids:
                return self._chosen(request, collection, ids)
            return self._filtered(request, collection, filter_text)
        except (Problem, ValidationError) as fault:
            messages.error(
                request, fault.detail if isinstance(fault, Problem) else fault.messages[0]
            )
            return HttpResponseRedirect(reverse("admin:embeddings_document_changelist"))

    def _chosen(
        self, request: HttpRequest, collection: Collection, ids: Sequence[str]
    ) -> HttpResponse:
        if CONFIRMED not in request.POST:
            fields = [("id", each) for each in ids]
            return self._ask(collection, count=len(ids), sample=ids, fields=fields)
        deleted = 0
        for external_id in ids:
            with suppress(NotFound):  # somebody else was faster
                delete_document(collection=collection, external_id=external_id)
                deleted += 1
        return _done(request, collection, deleted)

    def _filtered(
        self, request: HttpRequest, collection: Collection, filter_text: str
    ) -> HttpResponse:
        metadata_filter = FilterJsonField().clean(filter_text)
        would = delete_documents(
            collection=collection, metadata_filter=metadata_filter, dry_run=True
        )
        if not would.deleted:
            messages.info(request, "No document agrees with the filter.")
            return HttpResponseRedirect(list_url(collection, filter=filter_text))
        # Or others than those that were asked of would go.
        agreed = request.POST.get("count", str(would.deleted))
        if CONFIRMED not in request.POST or agreed != str(would.deleted):
            fields = [("filter", filter_text), ("count", str(would.deleted))]
            return self._ask(collection, count=would.deleted, sample=would.sample, fields=fields)
        if would.deleted > AT_ONCE:
            job = start_deletion(
                owner_id=principal_of_session(request).user_id,
                collection=collection,
                metadata_filter=read_json(filter_text),
                total=would.deleted,
            )
            tell_of_jobs(request, [job])
            return HttpResponseRedirect(list_url(collection))
        result = delete_documents(collection=collection, metadata_filter=metadata_filter)
        return _done(request, collection, result.deleted)

    def _ask(
        self,
        collection: Collection,
        *,
        count: int,
        sample: Sequence[str],
        fields: Sequence[tuple[str, str]],
    ) -> HttpResponse:
        documents = f"{count:,} document{'' if count == 1 else 's'}"
        return ask(
            self.request,
            self.get_context_data(),
            title=self.title,
            about=f"This deletes {documents} of {collection}: text, metadata and vectors. It can't"
            " be undone.",
            touches=sample,
            fields=[("collection", str(collection.pk)), *fields],
            back=list_url(collection),
            count=count,
            verb=f"Delete {documents}",
            is_dangerous=True,
        )


def _done(request: HttpRequest, collection: Collection, deleted: int) -> HttpResponse:
    messages.success(request, f"Deleted {deleted:,} document{'' if deleted == 1 else 's'}.")
    return HttpResponseRedirect(list_url(collection))
