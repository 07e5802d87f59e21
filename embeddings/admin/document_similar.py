"""Documents like another one, in the console."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from accounts.console_page import ConsolePage, console_page, principal_of_session
from accounts.exceptions import Problem
from accounts.policy import Action
from embeddings.admin.document_forms import open_collection
from embeddings.admin.document_page import hit_url
from embeddings.services.search import search_visible
from embeddings.types.search import SearchParams

SHOWN = 5
EXCERPT_CHARS = 200


@console_page
class SimilarPage(ConsolePage):
    """Put into the page of a document when it is asked for: a search goes on record."""

    path = "documents/similar/"
    name = "documents_similar"
    title = "Similar documents"
    action = Action.SEARCH
    template_name = "console/document_similar.html"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
        """The nearest ones, or why there are none."""
        external_id = request.POST.get("id", "")
        # Itself is the nearest one.
        params = SearchParams(document_id=external_id, top_k=SHOWN + 1, include=frozenset({"text"}))
        try:
            collection = open_collection(request, request.POST.get("collection", ""), Action.SEARCH)
            principal = principal_of_session(request)
            result = search_visible(principal=principal, name=collection.name, params=params)
        except Problem as problem:
            return self.render_to_response({"fault": problem.detail})
        hits = [hit for hit in result.hits if hit.external_id != external_id]
        rows = [
            (hit, hit_url(collection, hit), (hit.text or "")[:EXCERPT_CHARS])
            for hit in hits[:SHOWN]
        ]
        return self.render_to_response({"rows": rows, "took_ms": result.took_ms})
