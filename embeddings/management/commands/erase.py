"""Erases documents or a user, and rewrites the files in which erased rows still stand."""

from argparse import ArgumentParser
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError

from accounts.exceptions import Problem
from accounts.policy import Action
from accounts.principal import Principal
from embeddings.management.arguments import collection_named, json_of
from embeddings.management.principals import principal_for
from embeddings.services.collection import visible_collection
from embeddings.services.erase import erase_documents, rewrite_tables
from embeddings.services.erase_user import erase_user
from embeddings.types.erase import Erasure
from embeddings.types.filter import parse_filter


class Command(BaseCommand):
    help = (
        "Erase documents or a user for good: also from caches, jobs and recorded queries. Says what"
        " is gone, and what is not."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--id", action="append", metavar="ID", help="A document's; repeatable.")
        what.add_argument("--filter", metavar="JSON", help="The documents that it lets through.")
        what.add_argument("--user", metavar="NAME", help="The user.")
        parser.add_argument("--collection", metavar="NAME", help="Where the documents are.")
        heirs = parser.add_mutually_exclusive_group()
        heirs.add_argument("--transfer-to", metavar="NAME", help="Who gets the collections.")
        heirs.add_argument(
            "--delete-collections", action="store_true", help="Of the user, with their documents."
        )
        parser.add_argument(
            "--vacuum",
            action="store_true",
            help="Then write the tables anew, of the collection or of all and of users, so that"
            " their files hold no erased row. Each is locked while it is written.",
        )
        parser.add_argument("--json", action="store_true", help="Report as JSON on stdout.")

    def handle(self, *_: Any, **options: Any) -> None:
        if not any(options[name] for name in ("id", "filter", "user", "vacuum")):
            raise CommandError("Say what: --id, --filter, --user, or --vacuum alone.")
        try:
            erasure = _erase(principal_for(None), options)
            tables = _vacuum(options["collection"]) if options["vacuum"] else []
        except Problem as problem:
            raise CommandError(problem.detail) from None
        if options["json"]:
            report = {} if erasure is None else erasure.as_json()
            self.stdout.write(orjson.dumps({**report, "rewritten": tables}).decode())
            return
        if erasure is not None:
            self._show(erasure)
        if tables:
            self.stdout.write(f"Written anew: {', '.join(tables)}.")

    def _show(self, erasure: Erasure) -> None:
        counts = erasure.as_json()
        remains = counts.pop("remains")
        gone = [f"{count} {name}" for name, count in counts.items() if count]
        self.stdout.write(f"Erased: {', '.join(gone) or 'nothing was there'}.")
        if None in counts.values():
            self.stdout.write("Redis does not answer: clear the cache when it does.")
        for remainder in remains:
            command = f" Sooner: {remainder['command']}" if remainder["command"] else ""
            self.stdout.write(f"Remains: {remainder['what']} Until: {remainder['until']}{command}")


def _erase(principal: Principal, options: dict[str, Any]) -> Erasure | None:
    if options["user"]:
        return erase_user(
            principal=principal,
            username=options["user"],
            transfer_to=options["transfer_to"],
            delete_collections=options["delete_collections"],
        )
    if not options["id"] and not options["filter"]:
        return None
    if not options["collection"]:
        raise CommandError("Say where the documents are: --collection NAME.")
    collection = visible_collection(
        principal=principal, name=options["collection"], action=Action.MANAGE
    )
    return erase_documents(
        collection=collection,
        ids=options["id"],
        metadata_filter=_filter(options["filter"]),
    )


def _filter(spelled: str | None) -> Any:
    if spelled is None:
        return None
    return parse_filter(json_of(spelled, option="--filter"), param="--filter")


def _vacuum(name: str | None) -> list[str]:
    return rewrite_tables(collection=collection_named(name) if name else None)
