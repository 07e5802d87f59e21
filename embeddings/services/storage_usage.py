"""Putting on record, once a day, how much room each collection takes."""

from decimal import Decimal

from django.conf import settings
from django.utils import timezone

from embeddings.models import Collection
from embeddings.store.partitions import chunks_table, documents_table, terms_table
from embeddings.store.usage import set_storage
from embeddings.telemetry import log

DAYS_OF_A_MONTH = 30


def record_storage() -> int:
    """For each collection whose owner's ledger does not have it yet today; returns how many."""
    price = Decimal(str(settings.EMBED.storage_price)) / DAYS_OF_A_MONTH
    today = timezone.now().date()
    recorded = 0
    collections = Collection.objects.select_related("owner", "active")
    for collection in collections.prefetch_related("generations").iterator(chunk_size=500):
        generations = [generation.pk for generation in collection.generations.all()]
        recorded += set_storage(
            day=today,
            user_id=collection.owner_id,
            team_id=collection.owner.team_id,
            collection_id=collection.pk,
            model=collection.generation.model,
            tables=[
                documents_table(collection.pk),
                terms_table(collection.pk),
                *map(chunks_table, generations),
            ],
            price=price,
        )
    log.info("storage_recorded", collections=recorded)
    return recorded
