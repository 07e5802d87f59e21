"""Drops what the audit need not keep any longer, whole days at a time, each verified before."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.services.audit_days import Retention, drop_audit_days


class Command(BaseCommand):
    help = (
        "Verify and drop the days that are older than EMBED_AUDIT_RETENTION_DAYS, as the worker"
        " does every hour. A day that is not what was written stays."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--keep-days", type=int, help="Instead of the option's value.")
        parser.add_argument("--json", action="store_true", help="Report as JSON on stdout.")

    def handle(self, *_: Any, **options: Any) -> None:
        keep = options["keep_days"]
        if keep is not None and keep < 1:
            raise CommandError("--keep-days must be 1 or more.")
        result = drop_audit_days(keep_days=keep)
        if options["json"]:
            self.stdout.write(json.dumps(report(result)))
        else:
            for day, entries in result.dropped.items():
                self.stdout.write(f"{day}: {entries:,} entries, verified and dropped")
            for day in result.busy:
                self.stdout.write(f"{day}: kept for now, as the audit is busy")
            if not result.dropped and not result.busy:
                self.stdout.write("Nothing is to be dropped.")
        if result.fault is not None:
            raise CommandError(f"{result.fault.day}: {result.fault.problem} It stays.")


def report(result: Retention) -> dict[str, Any]:
    """For machines."""
    fault = result.fault
    return {
        "dropped": {day.isoformat(): entries for day, entries in result.dropped.items()},
        "busy": [day.isoformat() for day in result.busy],
        "fault": None if fault is None else {**asdict(fault), "day": fault.day.isoformat()},
    }
