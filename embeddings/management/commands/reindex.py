"""Builds the HNSW index of a collection, or of all, anew, in this process."""

import logging
from argparse import ArgumentParser
from dataclasses import asdict
from itertools import chain
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from accounts.exceptions import Problem
from accounts.policy import Action
from embeddings.constants import IndexStorage
from embeddings.management.interruption import interruptible
from embeddings.management.principals import principal_for
from embeddings.models import Collection
from embeddings.services.collection import visible_collection
from embeddings.services.job_runs import JobLost
from embeddings.services.reindex import Round, open_round, reindex_now
from embeddings.services.stats import collection_stats
from embeddings.types.index import IndexChange


class Command(BaseCommand):
    help = (
        "Build the HNSW index of a collection anew; searches use the present one until then."
        " Interrupted, --all goes on with the collections that are left."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("collection", nargs="?", help="Its name.")
        which.add_argument("--all", action="store_true", help="Every index, one after the other.")
        parser.add_argument("--m", type=int, help="Links of a node; as it is without.")
        parser.add_argument("--ef-construction", type=int, help="Candidates while building.")
        parser.add_argument("--storage", choices=[storage.value for storage in IndexStorage])
        parser.add_argument("--restart", action="store_true", help="Let --all start over.")
        parser.add_argument("--json", action="store_true", help="Report as JSON on stdout.")

    def handle(self, *_: Any, **options: Any) -> None:
        logging.getLogger("embeddings").setLevel(logging.WARNING)  # the bar has the line
        with interruptible(
            "Interrupted; the present index serves on, and the same command goes on."
        ):
            rows = self.reindexed(options)
        if options["json"]:
            self.stdout.write(orjson.dumps({"collections": rows}).decode())
        else:
            for line in chain.from_iterable(map(as_lines, rows)):
                self.stdout.write(line)
        if any(row["error"] for row in rows):
            raise CommandError("Not every index was built.")

    def reindexed(self, options: dict[str, Any]) -> list[dict[str, Any]]:
        """What became of each collection."""
        wanted = self.wanted(options)
        if wanted.done:
            self.stderr.write(f"Going on behind {wanted.done} collections.")
        change = IndexChange(
            m=options["m"],
            ef_construction=options["ef_construction"],
            storage=IndexStorage(options["storage"]) if options["storage"] else None,
        )
        return [reindexed(collection, change, wanted.name) for collection in wanted.left]

    def wanted(self, options: dict[str, Any]) -> Round:
        """The collections. Raises CommandError."""
        if options["all"]:
            return open_round(restart=options["restart"])
        try:
            collection = visible_collection(
                principal=principal_for(None), name=options["collection"], action=Action.OPERATE
            )
        except Problem:
            raise CommandError(f"There is no collection {options['collection']}.") from None
        return Round(name="", left=[collection], done=0)


def reindexed(collection: Collection, change: IndexChange, name: str) -> dict[str, Any]:
    """With a bar, on a terminal only."""
    row: dict[str, Any] = {"collection": collection.name, "seconds": None, "error": ""}
    with tqdm(desc=collection.name, unit="chunks", disable=None) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        try:
            job = reindex_now(collection=collection, change=change, name=name, on_progress=show)
        except Problem as problem:
            return row | {"error": problem.detail}
        except JobLost:
            return row | {"error": "The job was cancelled."}
    job.refresh_from_db()
    collection = Collection.objects.select_related("active").get(pk=collection.pk)
    stats = collection_stats(collection=collection)
    return row | {
        "chunks": job.done,
        "seconds": round(job.seconds, 2),
        "index": asdict(stats.index),
        "dead_rows": stats.chunks_table.dead_rows,
        "last_vacuum": stats.chunks_table.last_vacuum,
        "last_analyze": stats.chunks_table.last_analyze,
        "advice": stats.advice,
    }


def as_lines(row: dict[str, Any]) -> list[str]:
    """For people."""
    if row["error"]:
        return [f"{row['collection']}: {row['error']}"]
    size = row["index"]["bytes"] / 2**20
    done = f"{row['chunks']} chunks in {row['seconds']} s, {size:.1f} MiB"
    return [f"{row['collection']}: {text}" for text in (done, *row["advice"])]
