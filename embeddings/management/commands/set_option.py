"""`manage.py set_option NAME VALUE`: changes an option while the service runs."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.exceptions import Problem
from embeddings.services.live_settings import change_options

PREFIX = "EMBED_"


class Command(BaseCommand):
    """Through the service that the console uses."""

    help = (
        "Set an option live: over the environment and the defaults, in every process within a few"
        " seconds, and until it is reset. The README's table of options says which ones can."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The option, and its value or --reset."""
        parser.add_argument("name", help="Such as cache_ttl_s, or EMBED_CACHE_TTL_S.")
        parser.add_argument("value", nargs="?")
        parser.add_argument(
            "--reset", action="store_true", help="Go by what is configured from now on."
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Raises CommandError."""
        name = options["name"].upper().removeprefix(PREFIX).lower()
        if (options["value"] is None) != options["reset"]:
            raise CommandError("Give a value, or --reset.")
        try:
            changed = change_options(changes={name: options["value"]})
        except Problem as problem:
            raise CommandError(f"{name}: {problem.detail}") from None
        done = "reset" if options["reset"] else f"set to {options['value']}"
        self.stdout.write(f"{name} is {done}." if changed else f"{name} was so already.")
