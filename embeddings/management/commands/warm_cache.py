"""Embeds texts before they are asked for."""

import logging
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from accounts.exceptions import Problem
from embeddings.management.arguments import collection_named
from embeddings.management.interruption import interruptible
from embeddings.management.principals import principal_for
from embeddings.serializers.cache import DEFAULT_QUERIES
from embeddings.services.cache_warming import Warming, of_queries, of_texts, warm_for_all
from embeddings.types.cache import WarmResult


class Command(BaseCommand):
    help = (
        "Embed the lines of a file, or a collection's most frequent queries, into the Redis that"
        " the service's processes share. What is cached already is skipped, so that a run which was"
        " interrupted goes on where it was."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("file", type=Path, nargs="?", help="One text on each line.")
        source.add_argument("--collection", help="Its most frequent queries.")
        parser.add_argument(
            "--limit", type=int, default=DEFAULT_QUERIES, help="How many queries of a collection."
        )
        parser.add_argument("--model", help="Model for the file; the default without.")
        parser.add_argument(
            "--input-type", choices=["document", "query"], default="document", help="Of the file."
        )
        parser.add_argument(
            "--owner", help="User whose requests are to find the file's texts; the first admin."
        )
        parser.add_argument("--json", action="store_true", help="Report as JSON on stdout.")

    def handle(self, *_: Any, **options: Any) -> None:
        logging.getLogger("embeddings").setLevel(logging.WARNING)  # the bar has the line
        if settings.EMBED.redis_url is None:
            raise CommandError(
                "Without REDIS_URL each process has its own cache, and this one's ends with it."
                " POST /v1/cache/warm warms the process that answers."
            )
        try:
            with interruptible():
                result = warm_with_bar(wanted_by(options))
        except Problem as problem:
            raise CommandError(problem.detail) from None
        if options["json"]:
            self.stdout.write(orjson.dumps(asdict(result)).decode())
        else:
            self.stdout.write(f"{result.texts} texts, {result.cached} of them cached before.")


def wanted_by(options: dict[str, Any]) -> Warming:
    """Raises CommandError and Problem."""
    if options["collection"] is not None:
        collection = collection_named(options["collection"])
        return of_queries(collection=collection, limit=options["limit"])
    if not options["file"].is_file():
        raise CommandError(f"There is no file {options['file']}.")
    lines = options["file"].read_text().splitlines()
    return of_texts(
        owner_id=principal_for(options["owner"]).user_id,
        texts=[line for line in lines if line.strip()],
        model=options["model"],
        input_type=options["input_type"],
    )


def warm_with_bar(wanted: Warming) -> WarmResult:
    """Raises Problem."""
    total = WarmResult()
    # Shown on a terminal only.
    with tqdm(total=len(wanted.items), unit="texts", disable=None) as bar:
        for batch in wanted.batches():
            total = total.plus(warm_for_all(wanted=batch))
            bar.update(len(batch.items))
    return total
