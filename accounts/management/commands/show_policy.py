"""`manage.py show_policy`: what each role may do, as the code has it."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from accounts.policy_table import MEANINGS, policy_markdown, policy_rows


class Command(BaseCommand):
    """Reads no database."""

    help = "Show the whole access policy: every role with the actions that it allows."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The format, text by default."""
        formats = parser.add_mutually_exclusive_group()
        formats.add_argument("--json", action="store_true")
        formats.add_argument("--markdown", action="store_true")

    def handle(self, *_: Any, **options: Any) -> None:
        """The policy on stdout."""
        if options["markdown"]:
            self.stdout.write(policy_markdown())
        elif options["json"]:
            rows = policy_rows()
            self.stdout.write(json.dumps({role: {"on": on, "allows": a} for role, on, a in rows}))
        else:
            for role, held_on, actions in policy_rows():
                self.stdout.write(f"{role:10} on {held_on:13} {', '.join(actions) or '-'}")
            self.stdout.write("")
            for action, meaning in MEANINGS.items():
                self.stdout.write(f"{action:18} {meaning}")
