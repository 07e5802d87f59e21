"""What operators should look after, over all collections."""

from dataclasses import dataclass

from django.conf import settings

from embeddings.constants import UNFINISHED_STATES, IndexState
from embeddings.models import Collection, Job
from embeddings.services.keyword_statistics import stale_keywords
from embeddings.services.metadata_schema import unindexed_fields
from embeddings.services.recall_history import with_newest_recall
from embeddings.services.stats import MIN_ROWS, advice
from embeddings.store.partitions import chunks_table, documents_table
from embeddings.store.stats import partition_stats
from embeddings.types.stats import NO_ROWS


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What would help a collection, in words; `changed` documents since its words were counted;
    names of the declared `fields` without their indexes.
    """

    collection: Collection
    advice: list[str]
    changed: int
    fields: list[str]


def low_recall(*, limit: int) -> list[Collection]:
    """The collections whose searches find too little by their newest measurements, the worst first;
    as with_newest_recall has them.
    """
    collections = with_newest_recall(Collection.objects.select_related("active"))
    low = collections.filter(recall__lt=settings.EMBED.recall_min)
    return list(low.order_by("recall", "name")[:limit])


def upkeep_due(*, limit: int) -> list[Upkeep]:
    """The first collections, by name, whose tables want VACUUM, ANALYZE or a new index, whose words
    are to be counted anew, or whose metadata want an index that is declared.
    """
    tables, changed = partition_stats(rows=MIN_ROWS), stale_keywords()
    due = []
    for collection in Collection.objects.select_related("active").order_by("name"):
        generation = collection.generation
        found = advice(
            documents=tables.get(documents_table(collection.pk), NO_ROWS),
            chunks=tables.get(chunks_table(generation.pk), NO_ROWS),
            indexed=generation.index_state == IndexState.READY,
        )
        fields = unindexed_fields(collection=collection)
        if found or fields or collection.pk in changed:
            due.append(Upkeep(collection, found, changed.get(collection.pk, 0), fields))
        if len(due) == limit:
            break
    return due


def unfinished_jobs(*, collection: Collection, limit: int) -> list[Job]:
    """The collection's jobs that run or wait to, the newest first."""
    jobs = Job.objects.filter(collection=collection, state__in=UNFINISHED_STATES)
    return list(jobs.defer("refused").order_by("-created_at", "-pk")[:limit])
