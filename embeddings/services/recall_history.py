"""What was measured of recall: the newest of many collections, and how one's came about."""

from typing import Any

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Least

from embeddings.models import Collection, RecallMeasurement
from embeddings.services.recall import KEPT
from embeddings.types.stats import Recall


def with_newest_recall(collections: QuerySet[Collection]) -> QuerySet[Any]:
    """The collections with `recall_unfiltered`, `recall_filtered`, and the lower of both as
    `recall`; None where none was measured.
    """
    measured = RecallMeasurement.objects.filter(collection=OuterRef("pk"))
    newest = measured.order_by("-created_at", "-pk").values("recall")
    return collections.annotate(
        recall_unfiltered=Subquery(newest.filter(filtered=False)[:1]),
        recall_filtered=Subquery(newest.filter(filtered=True)[:1]),
    ).annotate(recall=Least(F("recall_unfiltered"), F("recall_filtered")))


def recall_history(*, collection: Collection) -> dict[bool, list[Recall]]:
    """What is kept of the collection's measurements with a filter (True) and without (False), the
    oldest first.
    """
    rows = RecallMeasurement.objects.filter(collection=collection)
    history: dict[bool, list[Recall]] = {False: [], True: []}
    # Of each kind no more are kept.
    for row in rows.order_by("-created_at", "-pk")[: 2 * KEPT]:
        history[row.filtered].insert(0, Recall.of(row))
    return history
