"""Django's `migrate`, one process at a time, which leaves the role's pgvector settings behind."""

from typing import Any, cast

from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.postgresql.base import DatabaseWrapper

from accounts.services.audit_days import make_audit_days
from embedsite.databases import ensure_role_settings, migration_turn


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        connection = cast("DatabaseWrapper", connections[options["database"]])
        with migration_turn(connection):
            super().handle(*args, **options)
            if options["database"] == DEFAULT_DB_ALIAS:
                make_audit_days()
            ensure_role_settings(connection)
