"""Checks that the audit is what was written, and names the first row that is not."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.services.audit_anchors import UnreadableAnchor, read_anchors
from accounts.services.audit_chain import Anchor, Verified, verify_audit


class Command(BaseCommand):
    help = "Verify the audit's chains, and that they agree with anchors; fails at the first fault."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--anchors",
            type=Path,
            metavar="FILE",
            help="What export_audit_anchor has written; it tells what a superuser computed anew.",
        )
        parser.add_argument("--json", action="store_true", help="Report as JSON on stdout.")

    def handle(self, *_: Any, **options: Any) -> None:
        anchors = read(options["anchors"]) if options["anchors"] else []
        found = verify_audit(anchors=anchors, on_day=self.say_day)
        if options["json"]:
            self.stdout.write(json.dumps(report(found)))
        elif found.fault is None:
            self.stdout.write(
                f"Whole. Entries: {sum(found.entries.values()):,}. Days: {len(found.entries)},"
                f" dropped: {found.dropped}. Anchors that agree: {found.anchors}."
            )
        if found.fault is not None:
            fault = found.fault
            place = f"{fault.day}"
            if fault.position is not None:
                place += f", link {fault.position}"
            if fault.entry_id is not None:
                place += f", entry {fault.entry_id}"
            raise CommandError(f"{place}: {fault.problem}")

    def say_day(self, day: date) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"{day} is whole")


def read(path: Path) -> list[Anchor]:
    """Raises CommandError."""
    try:
        return list(read_anchors(path.read_text().splitlines()))
    except (OSError, UnicodeDecodeError, UnreadableAnchor) as error:
        raise CommandError(f"{path}: {error}") from None


def report(found: Verified) -> dict[str, Any]:
    """For machines."""
    fault = found.fault
    return {
        "whole": fault is None,
        "days": len(found.entries),
        "entries": sum(found.entries.values()),
        "dropped": found.dropped,
        "anchors": found.anchors,
        "fault": None if fault is None else {**asdict(fault), "day": fault.day.isoformat()},
    }
