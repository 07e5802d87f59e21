"""Django's `migrate`, one process at a time, which leaves the role's pgvector settings behind."""

from typing import Any, cast

from django.core.management.commands import migrate
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper

from embedsite.databases import ensure_role_settings, migration_turn


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        connection = cast("DatabaseWrapper", connections[options["database"]])
        with migration_turn(connection):
            super().handle(*args, **options)
            ensure_role_settings(connection)
