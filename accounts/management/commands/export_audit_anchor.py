"""Writes what the audit is now, to be kept where nobody who can change the audit can change it."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.services.audit_anchors import as_json
from accounts.services.audit_chain import Broken, current_anchors


class Command(BaseCommand):
    help = (
        "Print the audit's last links as lines of JSON, or append them to a file. Keep them outside"
        " the database and its backups: verify_audit --anchors holds the audit against them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--file", type=Path, help="Append to this file instead.")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            lines = [json.dumps(as_json(anchor)) for anchor in current_anchors()]
        except Broken as broken:
            raise CommandError(f"{broken}. Run verify_audit.") from None
        if not lines:
            raise CommandError("There is nothing in the audit yet.")
        if options["file"] is None:
            self.stdout.write("\n".join(lines))
            return
        try:
            with options["file"].open("a") as file:
                file.write("".join(f"{line}\n" for line in lines))
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}") from None
