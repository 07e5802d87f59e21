"""Recall in the console: as numbers, and over time."""

from bisect import bisect_left
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from embeddings.admin.amounts import UNKNOWN, amount
from embeddings.admin.charts import ShownChart, shown_chart
from embeddings.admin.display import label
from embeddings.models import Collection
from embeddings.services.recall_history import recall_history
from embeddings.types.chart import Chart, Unit


def recall_chart(collection: Collection) -> ShownChart:
    """What was measured of the collection; each time searches without a filter come first."""
    history = recall_history(collection=collection)
    unfiltered, filtered = history[False], history[True]
    times = [recall.measured_at for recall in unfiltered]
    with_filter: list[float | None] = [None] * len(times)
    for recall in filtered:
        place = bisect_left(times, recall.measured_at) - 1
        if place >= 0:
            with_filter[place] = recall.recall
    lines: dict[str, list[float | None]] = {
        "Without a filter": [recall.recall for recall in unfiltered],
        "With a filter": with_filter,
    }
    return shown_chart(
        Chart(
            key="recall",
            title="Recall",
            unit=Unit.SHARE,
            points=times,
            lines=lines,
            about="Share of the exact answers that searches through the index found, measured on"
            " stored vectors once a day and on request.",
        )
    )


def shown_recall(recall: float | None) -> str:
    """As a share; said to be low where it is."""
    if recall is None:
        return UNKNOWN
    share = amount(recall, Unit.SHARE)
    low = recall < settings.EMBED.recall_min
    return label(f"{share}, low", "danger") if low else share


class RecallFilter(admin.SimpleListFilter):
    """Of collections that with_newest_recall has looked up."""

    title = "recall"
    parameter_name = "recall"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """By the option `recall_min`."""
        return [("low", "Low"), ("good", "As it should be"), ("none", "Not measured")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The lower one of both measurements counts."""
        match self.value():
            case "low":
                return queryset.filter(recall__lt=settings.EMBED.recall_min)
            case "good":
                return queryset.filter(recall__gte=settings.EMBED.recall_min)
            case "none":
                return queryset.filter(recall=None)
        return queryset
