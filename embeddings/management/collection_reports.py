"""The reports of `manage.py benchmark access`, `benchmark collections` and `benchmark updates`."""

from typing import Any

from django.conf import settings

from accounts.policy import Action
from embeddings.management.principals import principal_for
from embeddings.management.reports import bars
from embeddings.services.access_benchmark import measure_access
from embeddings.services.collection import visible_collection
from embeddings.services.collections_benchmark import measure_collections
from embeddings.services.update_benchmark import measure_updates


def access_report(options: dict[str, Any]) -> dict[str, Any]:
    """Raises Problem and CommandError."""
    collection = visible_collection(
        principal=principal_for(None), name=options["collection"], action=Action.MANAGE
    )
    return measure_access(collection=collection, queries=options["queries"], top_k=options["top_k"])


def collections_report(options: dict[str, Any]) -> dict[str, Any]:
    """Raises Problem and CommandError."""
    with bars() as step:
        return measure_collections(
            principal=principal_for(None),
            model=options["model"] or settings.EMBED.default_model,
            collections=options["collections"],
            documents=options["documents"],
            queries=options["queries"],
            seconds=options["seconds"],
            step=step,
        )


def updates_report(options: dict[str, Any]) -> dict[str, Any]:
    """Raises Problem and CommandError."""
    with bars() as step:
        return measure_updates(
            principal=principal_for(None),
            model=options["model"] or settings.EMBED.default_model,
            documents=options["documents"],
            rounds=options["rounds"],
            step=step,
        )
