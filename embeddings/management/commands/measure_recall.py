"""Compares approximate with exact searches of a collection, or of all, now."""

import logging
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from accounts.exceptions import Problem
from accounts.policy import Action
from embeddings.constants import IndexState
from embeddings.management.principals import principal_for
from embeddings.models import Collection
from embeddings.services.collection import visible_collection
from embeddings.services.recall import QUERIES, TOP_K, measure_recall, recall_warning
from embeddings.services.stats import collection_stats
from embeddings.types.stats import Recall

SECONDS = 600.0
MAX_TOP_K = 500


class Command(BaseCommand):
    help = (
        "Measure how much of the exact answers searches find, on stored vectors, without and with"
        " filters; /stats, the metrics and the console show it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("collection", nargs="?", help="Its name.")
        which.add_argument("--all", action="store_true", help="Every collection with an index.")
        parser.add_argument("--queries", type=int, default=QUERIES, help="Searches of each kind.")
        parser.add_argument("--top-k", type=int, default=TOP_K, help="Hits of each search.")
        parser.add_argument("--json", action="store_true", help="Report as JSON on stdout.")

    def handle(self, *_: Any, **options: Any) -> None:
        logging.getLogger("embeddings").setLevel(logging.ERROR)  # the report says it
        if options["queries"] < 1 or not 1 <= options["top_k"] <= MAX_TOP_K:
            raise CommandError(f"--queries takes 1 or more, --top-k 1 to {MAX_TOP_K}.")
        rows = [measured(collection, options) for collection in chosen(options)]
        if options["json"]:
            self.stdout.write(orjson.dumps({"collections": rows}).decode())
            return
        for row in rows:
            for line in as_lines(row):
                self.stdout.write(line)


def chosen(options: dict[str, Any]) -> list[Collection]:
    """The collections. Raises CommandError."""
    if options["all"]:
        indexed = Collection.objects.filter(active__index_state=IndexState.READY.value)
        return list(indexed.select_related("active").order_by("name"))
    try:
        collection = visible_collection(
            principal=principal_for(None), name=options["collection"], action=Action.OPERATE
        )
    except Problem:
        raise CommandError(f"There is no collection {options['collection']}.") from None
    return [collection]


def measured(collection: Collection, options: dict[str, Any]) -> dict[str, Any]:
    """With a bar, on a terminal only."""
    queries = options["queries"]
    found: dict[str, Recall | None] = {}
    with tqdm(desc=collection.name, total=2 * queries, unit="searches", disable=None) as bar:
        for name, filtered in (("unfiltered", False), ("filtered", True)):
            found[name] = measure_recall(
                collection=collection,
                filtered=filtered,
                queries=queries,
                top_k=options["top_k"],
                seconds=SECONDS,
                on_query=bar.update,
            )
    return {
        "collection": collection.name,
        **{name: recall and asdict(recall) for name, recall in found.items()},
        "warning": recall_warning(*found.values()),
        "advice": collection_stats(collection=collection).advice,
    }


def as_lines(row: dict[str, Any]) -> list[str]:
    """For people."""
    lines = []
    for name in ("unfiltered", "filtered"):
        recall = row[name]
        said = "nothing to measure"
        if recall:
            said = (
                f"recall@{recall['top_k']} {recall['recall']:.4f}, worst {recall['worst']:.2f},"
                f" {recall['queries']} searches, {recall['approximate']} of them by the index"
            )
        lines.append(f"{row['collection']}, {name}: {said}")
    return [*lines, *(text for text in (row["warning"], *row["advice"]) if text)]
