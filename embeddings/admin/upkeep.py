"""What operators start for collections: as jobs of the owners', after one question."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from accounts.exceptions import Problem
from embeddings.admin.asked_once import CONFIRMED, ask, fields_of_action
from embeddings.models import Collection, Job
from embeddings.services.index import start_reindex
from embeddings.services.keyword_statistics import start_refresh
from embeddings.services.metadata_schema import start_indexing
from embeddings.services.recall import start_measuring
from embeddings.services.vacuum import start_vacuum

SHOWN = 10
"""Of what a message names one by one."""


@dataclass(frozen=True, slots=True)
class Upkeep:
    """`touches` ends the question whether to start it."""

    title: str
    icon: str
    touches: str
    start: Callable[[Collection], Job]


UPKEEP = {
    "reindex": Upkeep(
        "Build the index anew",
        "construction",
        "A job reads all vectors and builds another index; the present one serves until then.",
        lambda collection: start_reindex(collection=collection),
    ),
    "measure": Upkeep(
        "Measure recall",
        "speed",
        "A job searches for what is near to stored documents, both ways. It changes nothing.",
        lambda collection: start_measuring(collection=collection),
    ),
    "refresh": Upkeep(
        "Count words anew",
        "match_word",
        "A job counts all words for searches by words, and computes weights that are out of date."
        " Who writes to the collection waits while it does a batch.",
        lambda collection: start_refresh(collection=collection),
    ),
    "fields": Upkeep(
        "Build field indexes",
        "data_object",
        "A job builds the indexes of declared fields that are missing, and drops others; reads and"
        " writes go on.",
        lambda collection: start_indexing(collection=collection),
    ),
    "vacuum": Upkeep(
        "Vacuum and analyze",
        "cleaning_services",
        "A job rids the tables of dead rows and renews PostgreSQL's statistics; reads and writes"
        " go on.",
        lambda collection: start_vacuum(collection=collection),
    ),
}


def start(request: HttpRequest, upkeep: Upkeep, collections: Iterable[Collection]) -> None:
    """Start it for each; messages say where the jobs are, and what is not possible."""
    jobs = []
    for collection in collections:
        try:
            jobs.append(upkeep.start(collection))
        except Problem as problem:
            messages.warning(request, f"{collection}: {problem.detail}")
    if jobs:
        tell_of_jobs(request, jobs)


def tell_of_jobs(request: HttpRequest, jobs: Sequence[Job]) -> None:
    """A message that leads to them."""
    links = [
        (reverse("admin:embeddings_job_change", args=[job.pk]), job.kind, job.collection or "")
        for job in jobs[:SHOWN]
    ]
    others = f" and {len(jobs) - SHOWN} others" if len(jobs) > SHOWN else ""
    messages.success(
        request,
        format_html(
            "Started {} job{}: {}{}.",
            len(jobs),
            "" if len(jobs) == 1 else "s",
            format_html_join(", ", '<a class="underline" href="{}">{} {}</a>', links),
            others,
        ),
    )


def list_action(name: str) -> Any:
    """An action of the list of collections."""
    upkeep = UPKEEP[name]

    def act(page: Any, request: HttpRequest, queryset: QuerySet[Collection]) -> HttpResponse | None:
        if CONFIRMED in request.POST:
            start(request, upkeep, queryset.select_related("active", "owner"))
            return None
        return ask(
            request,
            page.admin_site.each_context(request),
            title=upkeep.title,
            about=upkeep.touches,
            touches=[collection.name for collection in queryset],
            fields=fields_of_action(request),
            back=request.get_full_path(),
        )

    act.__name__ = name
    return admin.action(description=upkeep.title, permissions=["operate"])(act)
