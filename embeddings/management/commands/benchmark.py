"""Measures the service: how good its searches are, how fast its engine, HTTP, searches, console."""

import logging
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError

from accounts.exceptions import Problem
from embeddings.constants import DEFAULT_LANGUAGE, ChunkingMethod
from embeddings.management.charts import chart_file
from embeddings.management.collection_reports import (
    access_report,
    collections_report,
    updates_report,
)
from embeddings.management.reports import (
    PASSWORD_VARIABLE,
    TOKEN_VARIABLE,
    console_report,
    engine_report,
    http_report,
    overload_report,
    quality_report,
    rerank_report,
)
from embeddings.management.search_reports import CLIENTS, search_report
from embeddings.services.http_benchmark import LOADS
from embeddings.services.quality import MODES
from embeddings.services.rerank_benchmark import DEPTHS
from embeddings.types.chunking import NO_WISH, ChunkingWish

TEXTS = 1_000
QUERIES = 500


class Command(BaseCommand):
    help = "Measure the quality of searches, or the speed of the engine, of HTTP or of searches."

    def add_arguments(self, parser: ArgumentParser) -> None:
        kinds = parser.add_subparsers(dest="kind", required=True)
        quality = kinds.add_parser(
            "quality", help="nDCG@10, Recall@100 and MRR on a BEIR folder, in a passing collection."
        )
        quality.add_argument("folder", type=Path)
        quality.add_argument("--model", help="The default model without.")
        quality.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
        quality.add_argument(
            "--chunking",
            type=chunking,
            default=NO_WISH,
            metavar="JSON",
            help='How long texts are cut, such as {"method": "sentences", "size": 128}.',
        )
        quality.add_argument(
            "--language",
            default=DEFAULT_LANGUAGE,
            help=f"Of the words, as a collection has it (default {DEFAULT_LANGUAGE}).",
        )
        quality.add_argument("--limit", type=int, help="Only so many of the queries.")
        quality.add_argument("--compare-sentence-transformers", action="store_true")
        rerank = kinds.add_parser(
            "rerank", help="nDCG@10 on a BEIR folder before and after reranking the first hits."
        )
        rerank.add_argument("folder", type=Path)
        rerank.add_argument("--model", help="Of the search; the default model without.")
        rerank.add_argument("--reranker", help="The default one without.")
        rerank.add_argument("--depths", type=positive, nargs="+", default=list(DEPTHS))
        rerank.add_argument("--limit", type=int, help="Only so many of the queries.")
        corpus = ArgumentParser(add_help=False)
        corpus.add_argument("files", type=Path, nargs="+")
        corpus.add_argument("--limit", type=int, default=TEXTS, help=f"Texts (default {TEXTS}).")
        service = ArgumentParser(add_help=False)
        service.add_argument("--url", help="The configured host and port without.")
        service.add_argument("--token", help=f"An API token; else {TOKEN_VARIABLE} has it.")
        engine = kinds.add_parser(
            "engine",
            parents=[corpus],
            help="Texts per second against sentence-transformers' own encode and the bare loop.",
        )
        engine.add_argument("--rounds", type=int, default=5)
        search = kinds.add_parser(
            "search",
            parents=[service],
            help="/v1/search with a given vector against its own SQL run bare.",
        )
        add_search_arguments(search)
        access = kinds.add_parser(
            "access",
            help="What tokens, grants, limits and audit add to a search with a given vector.",
        )
        access.add_argument("--collection", required=True)
        access.add_argument("--queries", type=positive, default=QUERIES)
        access.add_argument("--top-k", type=positive, default=10)
        http = kinds.add_parser(
            "http",
            parents=[corpus, service],
            help="/v1/embeddings under load, against the bare model loop and other servers.",
        )
        http.add_argument("--model", help="The default model without.")
        http.add_argument(
            "--against",
            nargs=2,
            metavar=("URL", "MODEL"),
            help="The same load for any OpenAI-compatible server, its URL up to /embeddings.",
        )
        http.add_argument("--against-token", default="", help="Its API key.")
        http.add_argument("--rounds", type=int, default=5)
        http.add_argument("--seconds", type=float, default=3.0, help="Of each load in a round.")
        http.add_argument("--loads", nargs="+", choices=[load.name for load in LOADS])
        http.add_argument("--plot", type=chart_file, help="Also draw a chart, as PNG or SVG.")
        overload = kinds.add_parser(
            "overload",
            parents=[corpus, service],
            help="Goodput and refusals when asked for times the capacity.",
        )
        overload.add_argument("--model", help="The default model without.")
        overload.add_argument("--factor", type=float, default=10.0)
        overload.add_argument("--seconds", type=float, default=30.0)
        collections = kinds.add_parser(
            "collections",
            help="A search alone, among a thousand collections, and while others come and go.",
        )
        updates = kinds.add_parser(
            "updates", help="A change of metadata with a live index against one without vectors."
        )
        add_collection_arguments(collections, updates)
        console = kinds.add_parser("console", help="How long the pages of the console take.")
        console.add_argument("--url", help="The configured host and port without.")
        console.add_argument(
            "--username", required=True, help=f"{PASSWORD_VARIABLE} has the password."
        )
        console.add_argument("--rounds", type=positive, default=5)
        console.add_argument(
            "--pages", nargs="+", default=[], metavar="PATH", help="Besides those of the menu."
        )
        measured = (quality, rerank, engine, search, access, http, overload, collections, updates)
        for kind in (*measured, console):
            kind.add_argument("--json", action="store_true", help="Report as JSON on stdout.")

    def handle(self, *_: Any, kind: str, **options: Any) -> None:
        logging.getLogger("embeddings").setLevel(logging.WARNING)
        measure = {
            "quality": quality_report,
            "rerank": rerank_report,
            "engine": engine_report,
            "search": search_report,
            "access": access_report,
            "http": http_report,
            "overload": overload_report,
            "collections": collections_report,
            "updates": updates_report,
            "console": console_report,
        }
        try:
            report = measure[kind](options)
        except Problem as problem:
            raise CommandError(problem.detail) from None
        if options["json"]:
            self.stdout.write(orjson.dumps(report).decode())
        else:
            for line in as_lines(report):
                self.stdout.write(line)


def add_search_arguments(search: ArgumentParser) -> None:
    """Of `benchmark search`."""
    search.add_argument("--collection", required=True)
    search.add_argument("--queries", type=int, default=QUERIES)
    search.add_argument("--top-k", type=int, default=10)
    what = search.add_mutually_exclusive_group()
    what.add_argument(
        "--prepare",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="Make the collection of these documents, for --matrix and --calibrate.",
    )
    what.add_argument(
        "--matrix",
        action="store_true",
        help="Rows, recall and time by selectivity, by hits (10 and 100) and by clients (1 and 8).",
    )
    what.add_argument(
        "--calibrate", action="store_true", help="What the parts of a search cost, in SQL."
    )
    search.add_argument("--limit", type=int, help="Prepare with so many documents.")
    search.add_argument(
        "--texts",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="Queries; else the collection's own vectors, changed a little.",
    )
    search.add_argument("--clients", type=positive, nargs="+", default=list(CLIENTS))
    search.add_argument("--seconds", type=float, default=2.0, help="Of each load in the matrix.")
    search.add_argument(
        "--filters", type=orjson.loads, nargs="+", default=[], help="More filters, as JSON."
    )
    search.add_argument("--plot", type=chart_file, help="Draw the matrix, as PNG or SVG.")


def add_collection_arguments(collections: ArgumentParser, updates: ArgumentParser) -> None:
    """Of `benchmark collections` and `benchmark updates`."""
    collections.add_argument("--collections", type=positive, default=1_000)
    collections.add_argument("--documents", type=positive, default=1_000)
    collections.add_argument("--queries", type=positive, default=QUERIES)
    collections.add_argument("--seconds", type=float, default=10.0, help="Of the load.")
    updates.add_argument("--documents", type=positive, default=10_000)
    updates.add_argument("--rounds", type=positive, default=7)
    for kind in (collections, updates):
        kind.add_argument("--model", help="The default model without.")


def chunking(text: str) -> ChunkingWish:
    """What the JSON spells. Raises ValueError and TypeError."""
    fields = orjson.loads(text)
    if "method" in fields:
        fields["method"] = ChunkingMethod(fields["method"])
    return ChunkingWish(**fields)


def positive(text: str) -> int:
    """A number of at least 1. Raises ValueError."""
    if (number := int(text)) < 1:
        raise ValueError
    return number


def as_lines(report: dict[str, Any], indent: str = "") -> Iterator[str]:
    """The report for people."""
    for name, value in report.items():
        if isinstance(value, dict):
            yield f"{indent}{name}:"
            yield from as_lines(value, indent + "  ")
        else:
            yield f"{indent}{name}: {round(value, 4) if isinstance(value, float) else value}"
