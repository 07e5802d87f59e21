"""A collection's index in the console: what it is like, built anew, measured."""

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.timezone import localtime

from accounts.exceptions import Problem
from embeddings.models import Collection, Job
from embeddings.services.index import start_reindex
from embeddings.services.recall import start_measuring
from embeddings.services.stats import collection_stats
from embeddings.types.stats import CollectionStats, Recall

MIB = 2**20


def index_and_recall(collection: Collection) -> str:
    """As in `/stats`: settings, sizes, recall, and what would help."""
    lines = [(line,) for line in _lines(collection_stats(collection=collection))]
    return format_html_join("", "<div>{}</div>", lines)


@admin.action(description="Build the index of selected collections anew", permissions=["operate"])
def reindex(_: Any, request: HttpRequest, queryset: QuerySet[Collection]) -> None:
    """As jobs of the owners'."""
    _start(request, queryset, lambda collection: start_reindex(collection=collection))


@admin.action(description="Measure the recall of selected collections", permissions=["operate"])
def measure(_: Any, request: HttpRequest, queryset: QuerySet[Collection]) -> None:
    """As jobs of the owners'."""
    _start(request, queryset, lambda collection: start_measuring(collection=collection))


def _start(
    request: HttpRequest, queryset: QuerySet[Collection], start: Callable[[Collection], Job]
) -> None:
    started = 0
    for collection in queryset.select_related("active"):
        try:
            start(collection)
        except Problem as problem:
            messages.warning(request, f"{collection}: {problem.detail}")
            continue
        started += 1
    messages.success(request, f"Started {started} jobs.")


def _lines(stats: CollectionStats) -> Iterator[str]:
    index = stats.index
    yield (
        f"{index.state.value}: {index.storage.value}, m {index.m}, ef_construction"
        f" {index.ef_construction}, {index.bytes / MIB:.1f} MiB"
    )
    if index.job:
        yield f"Job {index.job} builds it."
    for name, recall in (("without", stats.unfiltered), ("with", stats.filtered)):
        if recall:
            yield _measured(name, recall)
    if stats.warning:
        yield f"Warning: {stats.warning}"
    yield from stats.advice


def _measured(name: str, recall: Recall) -> str:
    return (
        f"recall@{recall.top_k} {recall.recall:.4f} {name} filters, worst {recall.worst:.2f},"
        f" {recall.queries} searches, {localtime(recall.measured_at):%Y-%m-%d %H:%M}"
    )
