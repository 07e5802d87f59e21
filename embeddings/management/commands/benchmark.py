"""Measures the service: how good its searches are, how fast its engine and its searches."""

import logging
import os
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from accounts.exceptions import Problem
from accounts.policy import Action
from embeddings.management.principals import principal_for
from embeddings.readers.beir import read_beir
from embeddings.readers.files import file_format
from embeddings.services.collection import visible_collection
from embeddings.services.engine import engine_options
from embeddings.services.peer import measure_peer
from embeddings.services.quality import MODES, Step, measure_quality
from embeddings.services.search_benchmark import measure_search

TOKEN_VARIABLE = "TOKEN"  # noqa: S105  the variable's name
TEXTS = 1_000
QUERIES = 500


class Command(BaseCommand):
    help = "Measure the quality of searches, the speed of the engine, or that of searches."

    def add_arguments(self, parser: ArgumentParser) -> None:
        kinds = parser.add_subparsers(dest="kind", required=True)
        quality = kinds.add_parser(
            "quality", help="nDCG@10, Recall@100 and MRR on a BEIR folder, in a passing collection."
        )
        quality.add_argument("folder", type=Path)
        quality.add_argument("--model", help="The default model without.")
        quality.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
        quality.add_argument("--limit", type=int, help="Only so many of the queries.")
        quality.add_argument("--compare-sentence-transformers", action="store_true")
        engine = kinds.add_parser(
            "engine", help="Texts per second against sentence-transformers' own encode."
        )
        engine.add_argument("files", type=Path, nargs="+")
        engine.add_argument("--limit", type=int, default=TEXTS, help=f"Texts (default {TEXTS}).")
        engine.add_argument("--rounds", type=int, default=5)
        search = kinds.add_parser(
            "search", help="/v1/search with a given vector against its own SQL run bare."
        )
        search.add_argument("--collection", required=True)
        search.add_argument("--url", help="The configured host and port without.")
        search.add_argument("--token", help=f"An API token; else {TOKEN_VARIABLE} has it.")
        search.add_argument("--queries", type=int, default=QUERIES)
        search.add_argument("--top-k", type=int, default=10)
        for kind in (quality, engine, search):
            kind.add_argument("--json", action="store_true", help="Report as JSON on stdout.")

    def handle(self, *_: Any, kind: str, **options: Any) -> None:
        logging.getLogger("embeddings").setLevel(logging.WARNING)
        measure = {"quality": quality_report, "engine": engine_report, "search": search_report}
        try:
            report = measure[kind](options)
        except Problem as problem:
            raise CommandError(problem.detail) from None
        if options["json"]:
            self.stdout.write(orjson.dumps(report).decode())
        else:
            for line in as_lines(report):
                self.stdout.write(line)


def quality_report(options: dict[str, Any]) -> dict[str, Any]:
    """Raises Problem and CommandError."""
    folder = read_beir(options["folder"])
    model = options["model"] or settings.EMBED.default_model
    with bars() as step:
        measured = measure_quality(
            folder=folder,
            principal=principal_for(None),
            model=model,
            modes=options["modes"],
            limit=options["limit"],
            step=step,
        )
    modes = {mode: quality.as_json() for mode, quality in measured.items()}
    report = {
        "folder": str(options["folder"]),
        "model": model,
        "queries": min(len(folder.queries), options["limit"] or len(folder.queries)),
        "modes": modes,
    }
    if options["compare_sentence_transformers"]:
        peer = measure_peer(
            folder=folder, model=model, options=engine_options(), limit=options["limit"]
        ).as_json()
        report["sentence_transformers"] = peer
        report["difference"] = {name: modes["semantic"][name] - peer[name] for name in peer}
    return report


def engine_report(options: dict[str, Any]) -> dict[str, Any]:
    """Raises Problem."""
    # Only now: it loads torch.
    from embeddings.engine.benchmark import compare_with_sentence_transformers

    rows = chain.from_iterable(file_format(path).rows(path, 0) for path in options["files"])
    texts = (row.raw["text"] for row in rows if isinstance(row.raw, dict) and row.raw.get("text"))
    return compare_with_sentence_transformers(
        list(islice(texts, options["limit"])), options=engine_options(), rounds=options["rounds"]
    )


def search_report(options: dict[str, Any]) -> dict[str, Any]:
    """Raises Problem and CommandError."""
    token = options["token"] or os.environ.get(TOKEN_VARIABLE)
    if not token:
        raise CommandError(f"Give an API token with --token or {TOKEN_VARIABLE}.")
    collection = visible_collection(
        principal=principal_for(None), name=options["collection"], action=Action.SEARCH
    )
    config = settings.EMBED
    return measure_search(
        collection=collection,
        url=options["url"] or f"http://{config.host}:{config.port}",
        token=token,
        queries=options["queries"],
        top_k=options["top_k"],
    )


@contextmanager
def bars() -> Iterator[Step]:
    """One progress bar for each kind of step, on a terminal only."""
    shown: dict[str, tqdm[Any]] = {}

    def step(what: str, count: int) -> None:
        if what not in shown:
            shown[what] = tqdm(unit=what, unit_scale=False, disable=None)
        shown[what].update(count)

    try:
        yield step
    finally:
        for bar in shown.values():
            bar.close()


def as_lines(report: dict[str, Any], indent: str = "") -> Iterator[str]:
    """The report for people."""
    for name, value in report.items():
        if isinstance(value, dict):
            yield f"{indent}{name}:"
            yield from as_lines(value, indent + "  ")
        else:
            yield f"{indent}{name}: {round(value, 4) if isinstance(value, float) else value}"
