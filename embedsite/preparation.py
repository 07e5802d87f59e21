"""What `serve` does with the database before anybody uses it."""

from typing import cast

from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import OperationalError

from accounts.services.audit_days import make_audit_days
from embedsite.databases import ensure_role_settings, require_server
from embedsite.first_user import ensure_first_user
from embedsite.introduction import Credentials
from embedsite.supervisor import ServeError


def prepare_database() -> Credentials | None:
    """Migrate when there is something to, check the server, make the first user.

    The pool is closed at the end, as nothing more is asked from here. Raises ServeError.
    """
    connection = cast("DatabaseWrapper", connections["default"])
    try:
        require_server(connection)
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", verbosity=0, interactive=False)
        ensure_role_settings(connection)
        faults = run_checks(tags=["database"], databases=["default"])
        if faults:
            raise ServeError("\n".join(f"{fault.id}: {fault.msg} {fault.hint}" for fault in faults))
        make_audit_days()
        return ensure_first_user()
    except OperationalError as error:
        raise ServeError(f"the database cannot be used: {error}") from None
    finally:
        connection.close()
        connection.close_pool()
