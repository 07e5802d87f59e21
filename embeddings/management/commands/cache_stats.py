"""Shows what the cache has done."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings
from django.core.management.base import BaseCommand

from embeddings.serializers.cache import stats_json
from embeddings.services.cache import cache_stats
from embeddings.types.cache import CacheStats, Tally


class Command(BaseCommand):
    help = "Hits, misses and savings of the cache since `serve` was started on this machine."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="Report as JSON on stdout.")

    def handle(self, *_: Any, **options: Any) -> None:
        folder = counters()
        if not folder.is_dir():
            self.stderr.write(f"No service has counted in {folder} yet.")
        stats = cache_stats(folder=folder if folder.is_dir() else None)
        if options["json"]:
            self.stdout.write(orjson.dumps(stats_json(stats)).decode())
        else:
            self.stdout.write(table(stats))


def counters() -> Path:
    """Where the processes of `serve` count, which may have been given its port as a flag."""
    folder: Path = settings.EMBED.data_dir / "telemetry"
    mine = folder / str(settings.EMBED.port)
    there = list(folder.iterdir()) if folder.is_dir() and not mine.is_dir() else []
    return there[0] if len(there) == 1 else mine


def table(stats: CacheStats) -> str:
    """For people."""
    rows: list[tuple[str, ...]] = [
        ("", "hits", "misses", "hit rate", "saved tokens", "entries", "MiB", "evictions")
    ]
    for level in stats.levels:
        name = level.level if level.available else f"{level.level} (does not answer)"
        size = None if level.bytes is None else round(level.bytes / 2**20, 1)
        rows.append((name, *cells(level.tally), *map(cell, (level.entries, size, level.evictions))))
    for each in stats.models:
        rows.append((f"{each.model}, texts", *cells(each.texts), "", "", ""))
        rows.append((f"{each.model}, searches", *cells(each.searches), "", "", ""))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in rows
    )


def cells(tally: Tally) -> tuple[str, ...]:
    rate = "-" if tally.hit_rate is None else f"{tally.hit_rate:.1%}"
    return (cell(tally.hits), cell(tally.misses), rate, cell(tally.saved_tokens))


def cell(value: float | None) -> str:
    return "-" if value is None else f"{value:,}"
