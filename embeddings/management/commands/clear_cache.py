"""Clears the cache, in every process."""

from argparse import ArgumentParser
from typing import Any

import orjson
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from embeddings.exceptions import UnknownModel
from embeddings.management.arguments import collection_named
from embeddings.serializers.cache import clear_json
from embeddings.services.cache import clear_cache, clearable_model
from embeddings.services.frequent_queries import forget_queries


class Command(BaseCommand):
    help = (
        "Clear the cache: all of it, or what belongs to a model or a collection. Running processes"
        " follow within a second; other keys of the same Redis stay."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        scope = parser.add_mutually_exclusive_group()
        scope.add_argument("--model", help="Its vectors, and searches that used them.")
        scope.add_argument("--collection", help="The searches of it.")
        parser.add_argument(
            "--older-than",
            type=int,
            default=0,
            metavar="SECONDS",
            help="Keep what is younger.",
        )
        parser.add_argument(
            "--queries",
            action="store_true",
            help="Delete the recorded queries too, of the collection or of all.",
        )
        parser.add_argument("--json", action="store_true", help="Report as JSON on stdout.")

    def handle(self, *_: Any, **options: Any) -> None:
        if options["older_than"] < 0:
            raise CommandError("--older-than: a number of seconds, 0 or more.")
        name = options["collection"]
        collection = None if name is None else collection_named(name)
        try:
            model = None if options["model"] is None else clearable_model(options["model"])
        except UnknownModel as error:
            raise CommandError(error.detail) from None
        result = clear_cache(model=model, collection=collection, older_than_s=options["older_than"])
        queries = forget_queries(collection=collection) if options["queries"] else 0
        if options["json"]:
            values = {**clear_json(result), "queries": queries}
            del values["memory"]  # this process's, which had nothing
            self.stdout.write(orjson.dumps(values).decode())
            return
        cleared = []
        if settings.EMBED.redis_url is not None:
            found = "does not answer" if result.redis is None else f"{result.redis} values"
            cleared.append(f"Redis: {found}.")
        if options["queries"]:
            cleared.append(f"Recorded queries: {queries}.")
        self.stdout.write(" ".join(["Cleared.", *cleared, "Running processes follow in a second."]))
