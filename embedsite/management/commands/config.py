"""Prints the effective configuration and where each value came from."""

import json
from argparse import ArgumentParser
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand

from embeddings.services.live_following import set_live
from embedsite.options import effective, markdown, with_live


class Command(BaseCommand):
    help = "Print the effective value of each option and where it came from; secrets are masked."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        style = parser.add_mutually_exclusive_group()
        style.add_argument("--json", action="store_true", help="One JSON object.")
        style.add_argument("--markdown", action="store_true", help="The README's table of options.")

    def handle(self, *_: Any, **options: Any) -> None:
        if options["markdown"]:
            self.stdout.write(markdown())
            return
        entries = effective(with_live(settings.LOADED, self.live()))
        if options["json"]:
            by_name = {entry.pop("variable"): entry for entry in entries}
            self.stdout.write(json.dumps(by_name, indent=2))
            return
        rows = [[e["variable"], text(e["value"]), e["origin"]] for e in entries]
        widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
        for name, value, origin in rows:
            self.stdout.write(f"{name:<{widths[0]}}  {value:<{widths[1]}}  {origin}")

    def live(self) -> dict[str, Any]:
        """What is set live; nothing, with a note, where the database does not tell."""
        try:
            return set_live()
        except psycopg.Error:
            self.stderr.write("The database does not answer: what is set live is not shown.")
            return {}


def text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return ",".join(item if isinstance(item, str) else json.dumps(item) for item in value)
    return str(value)
