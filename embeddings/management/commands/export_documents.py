"""Exports the documents of a collection into a file, in this process."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from accounts.exceptions import Problem
from accounts.policy import Action
from embeddings.management.interruption import interruptible
from embeddings.management.principals import principal_for
from embeddings.serializers.export import CSV, NDJSON, export_encoder, export_head
from embeddings.services.collection import visible_collection
from embeddings.services.file_exports import export_to_file
from embeddings.types.filter import MetadataFilter, parse_filter

ENDINGS = {".ndjson": NDJSON, ".jsonl": NDJSON, ".csv": CSV}


class Command(BaseCommand):
    help = (
        "Export documents into a file of JSON lines or CSV, as its name ends, either with .gz too."
        " Cut off, the same command goes on where it was."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--collection", required=True)
        parser.add_argument("--user", help="Who sees them; the first administrator without.")
        parser.add_argument("--filter", help="As in a search; all documents without.")
        parser.add_argument("--vectors", action="store_true", help="With their vectors.")
        parser.add_argument("--restart", action="store_true", help="Start over.")
        parser.add_argument("--json", action="store_true", help="Report as JSON on stdout.")

    def handle(self, *_: Any, **options: Any) -> None:
        started = time.perf_counter()
        try:
            with interruptible():
                documents = export(options)
        except Problem as problem:
            raise CommandError(problem.detail) from None
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}.") from None
        seconds = time.perf_counter() - started
        if options["json"]:
            report = {"documents": documents, "seconds": round(seconds, 3)}
            self.stdout.write(orjson.dumps(report).decode())
            return
        self.stdout.write(f"{documents} documents in {options['file']}.")


def export(options: dict[str, Any]) -> int:
    """How many documents the file holds. Raises Problem, OSError and CommandError."""
    path, vectors = options["file"], options["vectors"]
    media_type = media_type_of(path)
    collection = visible_collection(
        principal=principal_for(options["user"]), name=options["collection"], action=Action.READ
    )
    # Shown on a terminal only.
    total = None if options["filter"] else collection.document_count
    with tqdm(total=total, unit="docs", disable=None) as bar:
        return export_to_file(
            path=path,
            collection=collection,
            metadata_filter=filter_of(options["filter"]),
            vectors=vectors,
            head=export_head(media_type, vectors=vectors),
            encode=export_encoder(media_type, vectors=vectors),
            restart=options["restart"],
            on_batch=lambda done: bar.update(done - bar.n),
        )


def media_type_of(path: Path) -> str:
    """As the name tells. Raises CommandError."""
    for ending, media_type in ENDINGS.items():
        if path.name.removesuffix(".gz").endswith(ending):
            return media_type
    raise CommandError(f"The file's name must end in {', '.join(ENDINGS)}, each also with .gz.")


def filter_of(text: str | None) -> MetadataFilter | None:
    """Raises CommandError and InvalidFilter."""
    try:
        return None if text is None else parse_filter(orjson.loads(text))
    except orjson.JSONDecodeError:
        raise CommandError("The filter is not valid JSON.") from None
