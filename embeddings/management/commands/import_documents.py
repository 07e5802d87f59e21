"""Imports a file of documents into a collection, in this process."""

import logging
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rest_framework.exceptions import ValidationError
from tqdm import tqdm

from accounts.exceptions import Problem
from accounts.policy import Action
from accounts.principal import Principal
from embeddings.constants import OnConflict
from embeddings.exceptions import NotFound
from embeddings.management.interruption import interruptible
from embeddings.management.principals import principal_for
from embeddings.models import Collection, Job
from embeddings.readers.files import file_format
from embeddings.serializers.fields import CollectionNameField
from embeddings.services.collection import create_collection, visible_collection
from embeddings.services.file_imports import FileImport, open_file_import, run_file_import
from embeddings.services.import_batches import BATCH_DOCUMENTS
from embeddings.services.imports import COUNTED, OnRefused
from embeddings.services.job_runs import JobLost

SHOWN_REFUSED = 20


class Command(BaseCommand):
    help = (
        "Import a file of documents: JSON lines (_id or id, title, text, metadata), CSV, either"
        " with .gz too, or Parquet. Cut off, the same command goes on where it was."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--collection", required=True, help="Made when it is not there.")
        parser.add_argument("--owner", help="User name; the first administrator without.")
        parser.add_argument("--model", help="Model of a new collection; the default without.")
        parser.add_argument(
            "--batch-size", type=int, default=BATCH_DOCUMENTS, help="Documents in a transaction."
        )
        parser.add_argument(
            "--on-conflict",
            choices=[mode.value for mode in OnConflict],
            default=OnConflict.UPSERT.value,
            help="What to do with documents that are there already.",
        )
        parser.add_argument("--errors", type=Path, help="File for the refused rows, as JSON lines.")
        parser.add_argument("--restart", action="store_true", help="Start over.")
        parser.add_argument("--json", action="store_true", help="Report as JSON on stdout.")

    def handle(self, *_: Any, **options: Any) -> None:
        logging.getLogger("embeddings").setLevel(logging.WARNING)  # the bar has the line
        try:
            check_errors_file(options["errors"])
            with interruptible():
                file_import = open_import(options)
                resumed_at = file_import.run.job.done
                if resumed_at:
                    self.stderr.write(f"Going on behind row {resumed_at}.")
                run_with_bar(file_import, options)
        except Problem as problem:
            raise CommandError(problem.detail) from None
        except JobLost:
            raise CommandError("The import was cancelled, or another process goes on.") from None
        job = Job.objects.get(pk=file_import.run.job.pk)
        report(self, job, as_json=options["json"])
        refused = job.result.get("refused", 0)
        if refused and not any(job.result.get(word) for word in COUNTED):
            raise CommandError(f"No row was imported: all {refused} were refused.")


def open_import(options: dict[str, Any]) -> FileImport:
    """Raises CommandError and Problem."""
    if not options["file"].is_file():
        raise CommandError(f"There is no file {options['file']}.")
    known = file_format(options["file"])
    principal = principal_for(options["owner"])
    model = options["model"]
    collection = collection_for(principal, options["collection"], model)
    total = None
    if collection is None:
        total = known.count(options["file"])  # before a collection is made in vain
        collection = create_collection(
            principal=principal,
            name=options["collection"],
            model=model or settings.EMBED.default_model,
        )
    return open_file_import(
        owner_id=principal.user_id,
        collection=collection,
        path=options["file"],
        on_conflict=OnConflict(options["on_conflict"]),
        restart=options["restart"],
        total=total,
    )


def collection_for(principal: Principal, name: str, model: str | None) -> Collection | None:
    """The collection, None when it is not there. Raises CommandError, Problem."""
    try:
        CollectionNameField().run_validation(name)
        collection = visible_collection(principal=principal, name=name, action=Action.WRITE)
    except ValidationError as error:
        raise CommandError(f"--collection: {' '.join(map(str, error.detail))}") from None
    except NotFound:
        return None
    there = collection.generation.model
    if model not in (None, there):
        raise CommandError(
            f"--model: {name} has the model {there}. Leave --model out, or import into another"
            " collection."
        )
    return collection


def run_with_bar(file_import: FileImport, options: dict[str, Any]) -> None:
    """Raises what ends the import early."""
    job = file_import.run.job
    # Shown on a terminal only.
    with (
        refused_file(options["errors"], append=job.done > 0) as on_refused,
        tqdm(total=job.total, initial=job.done, unit="docs", disable=None) as bar,
    ):
        run_file_import(
            file_import=file_import,
            batch_documents=options["batch_size"],
            on_refused=on_refused,
            on_batch=lambda done: bar.update(done - bar.n),
        )


def check_errors_file(path: Path | None) -> None:
    """Raises CommandError for a file that can't be written, before there is a job that needs it."""
    if path is None:
        return
    try:
        path.open("ab").close()
    except OSError as error:
        raise CommandError(f"--errors {path}: {error.strerror}.") from None


@contextmanager
def refused_file(path: Path | None, *, append: bool) -> Iterator[OnRefused | None]:
    """Writes refused rows to the file as they come."""
    if path is None:
        yield None
        return
    with path.open("ab" if append else "wb") as file:

        def write(refused: list[dict[str, Any]]) -> None:
            file.writelines(orjson.dumps(row) + b"\n" for row in refused)
            file.flush()

        yield write


def report(command: BaseCommand, job: Job, *, as_json: bool) -> None:
    """What became of the rows."""
    if as_json:
        values = {
            "job": job.pk,
            "rows": job.done,
            **job.result,
            "seconds": job.seconds,
            "rate": job.rate,
            "refused_rows": job.refused,
        }
        command.stdout.write(orjson.dumps(values).decode())
        return
    counts = {word: job.result.get(word, 0) for word in (*COUNTED, "refused")}
    for refusal in job.refused[:SHOWN_REFUSED]:
        place = f" ({refusal['param']})" if refusal["param"] else ""
        command.stderr.write(f"row {refusal['line']}{place}: {refusal['detail']}")
    if counts["refused"] > SHOWN_REFUSED:
        command.stderr.write(
            f"… and {counts['refused'] - SHOWN_REFUSED} more; --errors FILE takes all."
        )
    summary = ", ".join(f"{count} {word}" for word, count in counts.items())
    command.stdout.write(f"{job.done} rows: {summary} ({job.rate} docs/s)")
