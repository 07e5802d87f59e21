"""Arguments that several commands take."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from embeddings.models import Collection


def add_grantee(parser: ArgumentParser) -> None:
    """`--user` or `--team`, one of which is needed."""
    grantee = parser.add_mutually_exclusive_group(required=True)
    grantee.add_argument("--user", metavar="NAME")
    grantee.add_argument("--team", metavar="NAME")


def collection_named(name: str) -> Collection:
    """Raises CommandError."""
    collection = Collection.objects.filter(name=name).first()
    if collection is None:
        raise CommandError(f"There is no collection {name!r}.")
    return collection


def json_of(spelled: str, *, option: str) -> Any:
    """What the option's text spells. Raises CommandError."""
    try:
        return json.loads(spelled)
    except ValueError:
        raise CommandError(f"{option} takes JSON.") from None
