"""Whether this process can serve."""

from functools import cache

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor

from embeddings.services.engine import is_loaded
from embeddings.store.health import answers
from embeddings.telemetry import log

_told: dict[str, bool] | None = None


class _Pending(Exception):
    """There are migrations to run."""


def readiness() -> dict[str, bool]:
    """`database`, `migrations` and `model`: each true when requests can rely on it."""
    database = answers()
    checks = {
        "database": database,
        "migrations": database and _is_migrated(),
        "model": is_loaded(settings.EMBED.default_model),
    }
    _tell(checks)
    return checks


def _tell(checks: dict[str, bool]) -> None:
    """A line in the log where they have changed; whoever probes does so every few seconds."""
    global _told
    if checks == _told:
        return
    if not all(checks.values()):
        log.warning("not_ready", **checks)
    elif _told is not None:
        log.info("ready_again")
    _told = checks


def _is_migrated() -> bool:
    try:
        _require_migrations()
    except (_Pending, DatabaseError, InterfaceError):
        return False
    return True


@cache  # remembers only success: a schema does not go back under a running process
def _require_migrations() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise _Pending
