"""Makes a PostgreSQL role for people with psql, which may read the SQL surface and nothing else."""

import getpass
import secrets
from argparse import ArgumentParser
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection as our_connection
from django.db import transaction

from accounts.services.audit import record
from embeddings.store.sql_surface import (
    MayNotMakeRoles,
    RoleExists,
    create_readonly_role,
    is_role_name,
)
from embedsite.postgres import SUPERUSER

PASSWORD_BYTES = 24
MIN_PASSWORD = 12


class Command(BaseCommand):
    help = (
        "Make a PostgreSQL role that may search and read every collection in SQL, and change or"
        " read nothing else. The password is generated and shown once, or asked for."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="Of the role.")
        parser.add_argument(
            "--ask-password", action="store_true", help="Ask for the password on the terminal."
        )

    def handle(self, *_: Any, **options: Any) -> None:
        name = options["name"]
        if not is_role_name(name):
            raise CommandError(
                "A name has 1 to 63 of a-z, 0-9 and _, no digit first, and does not begin with pg_."
            )
        password = asked() if options["ask_password"] else secrets.token_urlsafe(PASSWORD_BYTES)
        place = {key: settings.DATABASES["default"][key] for key in ("HOST", "PORT", "NAME")}
        try:
            with transaction.atomic(), psycopg.connect(**parameters()) as connection:
                record(event="database_role.create", object_type="database_role", object_id=name)
                create_readonly_role(connection=connection, name=name, password=password)
        except RoleExists:
            raise CommandError(f"There is a role {name} already.") from None
        except MayNotMakeRoles:
            raise CommandError(
                "The role in DATABASE_URL may not make others. Let this command have a URL of one"
                " with CREATEROLE, which owns the tables or is a member of their owner."
            ) from None
        shown = " ".join(
            f"-{flag} {value}" for flag, value in zip("hp", place.values(), strict=False) if value
        )
        self.stderr.write(f"psql {shown} -U {name} {place['NAME']}")
        if settings.EMBED.database_url is None:
            self.stderr.write("Whoever may open that folder is asked for no password.")
        if not options["ask_password"]:
            self.stdout.write(password)


def asked() -> str:
    """Raises CommandError."""
    password = getpass.getpass("Password: ")
    if len(password) < MIN_PASSWORD:
        raise CommandError(f"A password has {MIN_PASSWORD} characters or more.")
    if getpass.getpass("Once more: ") != password:
        raise CommandError("The two are not the same.")
    return password


def parameters() -> dict[str, Any]:
    """Of a connection that may make roles: the embedded server's superuser, whom its socket lets
    in, or whoever DATABASE_URL names.
    """
    found: dict[str, Any] = our_connection.get_connection_params()
    for key in ("cursor_factory", "context"):
        found.pop(key, None)
    if settings.EMBED.database_url is None:
        found["user"] = SUPERUSER
    return found
