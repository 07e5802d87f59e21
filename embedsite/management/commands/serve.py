"""Runs the service."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from embedsite.addresses import AddressInUse
from embedsite.config_sources import add_flags
from embedsite.postgres_account import ServerError
from embedsite.serve import Service
from embedsite.supervisor import ServeError


class Command(BaseCommand):
    help = "Serve the API, the console and the worker; make the database and the first user."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        # The settings have read the same flags already, before Django was set up.
        add_flags(parser)
        parser.add_argument(
            "--demo", action="store_true", help="Fill the collection `demo` with a few texts."
        )

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            Service(settings.LOADED).run(demo=options["demo"])
        except (ServeError, ServerError, AddressInUse) as error:
            self.stderr.write(f"serve: {error}")
            sys.exit(1)
