"""Shows who has used how much, and what it costs."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError

from embeddings.exceptions import InvalidRequest
from embeddings.management.principals import principal_for
from embeddings.serializers.usage import usage_csv, usage_json, usage_query
from embeddings.services.usage_report import usage_report
from embeddings.types.usage import UsageField


class Command(BaseCommand):
    help = "Sum the ledger of use, by default this month's by user and model."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--start", type=date.fromisoformat, help="First day, YYYY-MM-DD.")
        parser.add_argument("--end", type=date.fromisoformat, help="Last day, YYYY-MM-DD.")
        parser.add_argument(
            "--group-by",
            nargs="+",
            choices=[field.value for field in UsageField],
            default=["user", "model"],
            metavar="FIELD",
            help="What to sum by: day, user, team, token, collection, model.",
        )
        for name in ("user", "team", "collection", "model"):
            parser.add_argument(f"--{name}", help=f"Of this {name} alone.")
        parser.add_argument("--json", action="store_true", help="Report as JSON on stdout.")
        parser.add_argument("--csv", action="store_true", help="Report as CSV on stdout.")

    def handle(self, *_: Any, **options: Any) -> None:
        names = ("start", "end", "user", "team", "collection", "model")
        asked = {name: options[name] for name in names if options[name] is not None}
        groups = tuple(UsageField(name) for name in dict.fromkeys(options["group_by"]))
        query = usage_query({**asked, "group_by": groups})
        try:
            report = usage_json(usage_report(principal=principal_for(None), query=query))
        except InvalidRequest as error:
            raise CommandError(error.detail) from None
        if options["json"]:
            self.stdout.write(orjson.dumps(report).decode())
        elif options["csv"]:
            self.stdout.write(usage_csv(report), ending="")
        else:
            self.stdout.write(table(report))


def table(report: dict[str, Any]) -> str:
    """For people: without ids, and with the sums of all as the last line."""
    columns = [name for name in (report["rows"] or [report["total"]])[0] if name[-3:] != "_id"]
    lines = [columns, *(_cells(row, columns) for row in report["rows"])]
    lines.append(_cells(report["total"], columns))
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )


def _cells(row: dict[str, Any], columns: list[str]) -> list[str]:
    cells = [row.get(column, "") for column in columns]
    return [
        "-" if cell is None else f"{cell:,}" if isinstance(cell, int | float) else str(cell)
        for cell in cells
    ]
