"""Runs one Django command, with the embedded database beside it when the command needs one."""

import getpass
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import django
import psycopg
from django.conf import settings
from django.core.management import execute_from_command_line
from django.db import OperationalError, ProgrammingError, connection
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from psycopg.errors import UndefinedColumn, UndefinedTable

from accounts.actor import SYSTEM, Actor, acting
from embedsite.databases import require_server
from embedsite.management.commands.serve import Command as Serve
from embedsite.postgres import start_for
from embedsite.postgres_account import ServerError

# These answer without a database; starting a server for them would only be slow.
WITHOUT_DATABASE = frozenset(
    {
        "check",
        "collectstatic",
        "config",
        "diffsettings",
        "fetch_models",
        "findstatic",
        "help",
        "makemigrations",
        "serve",  # starts it itself, to say so
        "show_policy",
        "spectacular",
        "version",
    }
)

# `migrate` makes the table first, and the worker keeps up with changes.
FOLLOW_THEMSELVES = frozenset({"migrate", "worker"})

# They wait for a database that is away.
OUTLASTING = frozenset({"worker"})


def run(argv: Sequence[str]) -> None:
    """Run the command; a server started for it stops with its last user."""
    if needs_database(argv) and settings.EMBED.database_url is None:
        # By default this signal ends Python at once, and nobody would stop the server.
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
        try:
            start_for(settings.EMBED)
        except ServerError as error:
            sys.exit(f"manage.py: {error}")
    elif argv[1:2] == ["makemigrations"] and settings.EMBED.database_url is None:
        # It would wait for a server, only to compare what was applied there with the files.
        settings.DATABASES["default"]["ENGINE"] = "django.db.backends.dummy"
    with acting(actor_of(argv)), database_faults_told():
        if needs_database(argv) and argv[1] not in OUTLASTING:
            require_server(cast("DatabaseWrapper", connection))
        if needs_database(argv) and argv[1] not in FOLLOW_THEMSELVES:
            django.setup()
            follow_live_settings()
        if argv[1:2] == ["serve"]:
            Serve().run_from_argv(list(argv))  # it has others begin before it sets up Django
        else:
            execute_from_command_line(list(argv))


@contextmanager
def database_faults_told() -> Iterator[None]:
    """Ends the process with what is wrong with the database as a whole, instead of a traceback."""
    try:
        yield
    except (OperationalError, ProgrammingError) as error:
        cause = error.__cause__
        if isinstance(cause, psycopg.OperationalError) and cause.sqlstate is None:
            sys.exit(f"manage.py: the database cannot be used: {error}")
        if isinstance(cause, UndefinedColumn | UndefinedTable) and lacks_migrations():
            sys.exit("manage.py: the database lacks migrations; run: python3 manage.py migrate")
        raise


def lacks_migrations() -> bool:
    """Whether the database is older than the code, or empty."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def follow_live_settings() -> None:
    """Go by what is set live."""
    # Our own code can be imported only now.
    from embeddings.services.live_following import follow_once

    follow_once()


def actor_of(argv: Sequence[str]) -> Actor:
    """The account of the operating system that runs the command; the service's own processes act
    for themselves.
    """
    if argv[1:2] in (["serve"], ["worker"]):
        return SYSTEM
    try:
        account = getpass.getuser()
    except (KeyError, OSError):  # an id that the system has no name for, as in some containers
        account = str(os.getuid())
    return Actor(username=account, credential="command")


def needs_database(argv: Sequence[str]) -> bool:
    """Whether the command reads the database, as far as its name and flags tell."""
    arguments = argv[1:]
    if not arguments or {"--help", "-h", "--version"} & set(arguments):
        return False
    if arguments[0] == "check":
        return any(argument.startswith("--database") for argument in arguments)
    return arguments[0] not in WITHOUT_DATABASE
