"""What operators should look after, and what they may start, in the console."""

import uuid
from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from accounts.console_page import ConsolePage, console_page, principal_of_session
from accounts.policy import Action
from embeddings.admin.asked_once import CONFIRMED, ask
from embeddings.admin.recall import recall_chart
from embeddings.admin.upkeep import UPKEEP, start, tell_of_jobs
from embeddings.models import Collection
from embeddings.services.index_repair import index_faults, start_repair
from embeddings.services.maintenance import low_recall, upkeep_due

SHOWN = 20
REPAIR = "repair"
REPAIR_TITLE = "Repair indexes"
REPAIR_TOUCHES = (
    "A job drops indexes that no build will ever finish, and starts jobs that build those anew that"
    " are missing and due. Searches go on."
)


@console_page
class MaintenancePage(ConsolePage):
    """What is found to be at fault, each with what helps; and one collection's recall over time."""

    path = "maintenance/"
    name = "maintenance"
    title = "Maintenance"
    action = Action.OPERATE
    template_name = "console/maintenance.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """By a bounded number of queries."""
        chosen = next(iter(_collections(self.request.GET.getlist("collection")[:1])), None)
        return super().get_context_data(
            faults=index_faults(),
            low=low_recall(limit=SHOWN),
            due=upkeep_due(limit=SHOWN),
            shown_at_most=SHOWN,
            upkeep=UPKEEP,
            chosen=chosen,
            recall=chosen and recall_chart(chosen),
            **kwargs,
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        """Asks once, then starts the jobs."""
        name = request.POST.get("do", "")
        ids = request.POST.getlist("collection")
        collections = _collections(ids)
        upkeep = UPKEEP.get(name)
        here = HttpResponseRedirect(request.path)
        if name != REPAIR and (upkeep is None or not collections):
            messages.error(request, "Choose a collection, and what to do with it.")
            return here
        if CONFIRMED not in request.POST:
            return ask(
                request,
                super().get_context_data(),
                title=REPAIR_TITLE if upkeep is None else upkeep.title,
                about=REPAIR_TOUCHES if upkeep is None else upkeep.touches,
                touches=[collection.name for collection in collections],
                fields=[("do", name), *(("collection", each) for each in ids)],
                back=request.path,
            )
        if upkeep is None:
            tell_of_jobs(request, [start_repair(owner_id=principal_of_session(request).user_id)])
        else:
            start(request, upkeep, collections)
        return here


def _collections(ids: list[str]) -> list[Collection]:
    """Those that are there, by name."""
    found = []
    for each in ids:
        with suppress(ValueError):
            found.append(uuid.UUID(each))
    collections = Collection.objects.select_related("active", "owner").filter(pk__in=found)
    return list(collections.order_by("name"))
