"""Counts the words of a collection, or of all, anew, in this process."""

import logging
from argparse import ArgumentParser
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from accounts.exceptions import Problem
from accounts.policy import Action
from embeddings.management.interruption import interruptible
from embeddings.management.principals import principal_for
from embeddings.models import Collection
from embeddings.services.collection import visible_collection
from embeddings.services.keyword_statistics import refresh_keywords


class Command(BaseCommand):
    help = (
        "Count the words of a collection's documents anew and weigh each exactly, for searches by"
        " words; a worker does so by itself when enough has changed, and weighs again what is off"
        " by a tenth. Interrupted, the same command goes on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("collection", nargs="?", help="Its name.")
        which.add_argument("--all", action="store_true", help="One after the other.")
        parser.add_argument("--json", action="store_true", help="Report as JSON on stdout.")

    def handle(self, *_: Any, **options: Any) -> None:
        logging.getLogger("embeddings").setLevel(logging.WARNING)  # the bar has the line
        try:
            with interruptible():
                report = {
                    collection.name: refresh_with_bar(collection)
                    for collection in chosen(options["collection"])
                }
        except Problem as problem:
            raise CommandError(problem.detail) from None
        if options["json"]:
            self.stdout.write(orjson.dumps({"collections": report}).decode())
        else:
            for name, changed in report.items():
                self.stdout.write(f"{name}: counted; {changed} documents have new weights.")


def chosen(name: str | None) -> list[Collection]:
    """The collection of that name, or all. Raises NotFound."""
    if name is None:
        return list(Collection.objects.select_related("active").order_by("name"))
    principal = principal_for(None)
    return [visible_collection(principal=principal, name=name, action=Action.READ)]


def refresh_with_bar(collection: Collection) -> int:
    """How many documents changed. Raises NotFound."""
    # Shown on a terminal only.
    with tqdm(unit="documents", desc=collection.name, disable=None) as bar:
        return refresh_keywords(
            collection=collection, drift=0, step=lambda done: bar.update(done - bar.n)
        )
