"""Exports in the console: what `/v1/collection/{name}/export` sends, as a download."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse

from accounts.console_page import ConsolePage, console_page
from accounts.exceptions import Problem
from accounts.policy import Action
from embeddings.admin.document_forms import ExportForm, named_collection
from embeddings.serializers.export import CSV, NDJSON, export_pieces
from embeddings.services.export import export_documents

MEDIA_TYPES = {"csv": CSV, "ndjson": NDJSON}


@console_page
class ExportPage(ConsolePage):
    """A form whose answer is a file."""

    path = "documents/export/"
    name = "documents_export"
    title = "Export documents"
    action = Action.READ
    template_name = "console/documents_export.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With the collection and the filter of the list where it was asked for."""
        if "form" not in kwargs:
            wanted = {
                "collection": named_collection(self.request, self.action),
                "filter": self.request.GET.get("filter", ""),
            }
            kwargs["form"] = ExportForm(self.request, initial=wanted)
        return super().get_context_data(**kwargs)

    def post(self, request: HttpRequest, *_: Any, **__: Any) -> HttpResponseBase:
        """The file, sent while it is read."""
        form = ExportForm(request, request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form))
        wanted = form.cleaned_data
        try:
            batches = export_documents(
                collection=wanted["collection"],
                metadata_filter=wanted["filter"],
                vectors=wanted["vectors"],
            )
        except Problem as problem:
            form.add_error("filter", problem.detail)
            return self.render_to_response(self.get_context_data(form=form))
        ending = wanted["format"]
        media_type = MEDIA_TYPES[ending]
        pieces = export_pieces(batches, media_type=media_type, vectors=wanted["vectors"])
        name = f"{wanted['collection'].name}.{ending}"
        disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingHttpResponse(pieces, content_type=media_type, headers=disposition)
