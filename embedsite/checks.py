"""System checks of the database server (`manage.py check --database default`, and every start) and
of a deployment (`manage.py check --deploy`).
"""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import connections

from embedsite.databases import has_pgvector, iterative_scan
from embedsite.postgres import ITERATIVE_SCAN

OLDEST_SERVER = 16
# 0.8.3, 0.8.4 and 0.8.6 repaired HNSW indexes that lost rows.
OLDEST_PGVECTOR = (0, 8, 6)


@register(Tags.database)
def check_servers(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """What each database server lacks for the service."""
    return [fault for alias in databases or () for fault in check_server(alias)]


def check_server(alias: str) -> list[CheckMessage]:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int / 10000")
        (server,) = cursor.fetchone()
        cursor.execute(
            "SELECT coalesce(installed_version, default_version)"
            " FROM pg_available_extensions WHERE name = 'vector'"
        )
        row = cursor.fetchone()
        scan = iterative_scan(cursor) if has_pgvector(cursor) else None
    return [*server_faults(server), *pgvector_faults(row and row[0]), *scan_faults(scan)]


def server_faults(version: int) -> list[CheckMessage]:
    if version >= OLDEST_SERVER:
        return []
    return [
        Error(
            f"PostgreSQL {version} is too old.",
            hint=f"Upgrade to PostgreSQL {OLDEST_SERVER} or newer.",
            id="embedsite.E001",
        )
    ]


def pgvector_faults(version: str | None) -> list[CheckMessage]:
    oldest = ".".join(map(str, OLDEST_PGVECTOR))
    if version is None:
        return [
            Error(
                "The database server has no pgvector.",
                hint=f"Install pgvector {oldest} or newer on the server.",
                id="embedsite.E002",
            )
        ]
    if tuple(map(int, version.split("."))) >= OLDEST_PGVECTOR:
        return []
    return [
        Error(
            f"pgvector {version} is too old.",
            hint=f"Install pgvector {oldest} or newer, then run ALTER EXTENSION vector UPDATE.",
            id="embedsite.E003",
        )
    ]


def scan_faults(value: str | None) -> list[CheckMessage]:
    """A warning only: `migrate`, which checks first, is what puts it right."""
    if value in (None, ITERATIVE_SCAN):
        return []
    return [
        CheckWarning(
            f"hnsw.iterative_scan is {value} for our role: searches would return too few rows.",
            hint=f"Run manage.py migrate, or set it to {ITERATIVE_SCAN} on the role.",
            id="embedsite.W004",
        )
    ]


@register(Tags.security, deploy=True)
def check_deployment(**_: Any) -> list[CheckMessage]:
    """What the configuration lacks for callers on other machines."""
    return deployment_faults(settings.EMBED)


def deployment_faults(config: Any) -> list[CheckMessage]:
    faults: list[CheckMessage] = []
    if not config.behind_tls_proxy and not config.tls_cert_file:
        faults.append(
            CheckWarning(
                "Nothing here ends TLS: tokens and texts travel in clear, and nobody can log in.",
                hint="Set EMBED_TLS_CERT_FILE and EMBED_TLS_KEY_FILE; or put a proxy before the"
                " service, and set EMBED_BEHIND_TLS_PROXY.",
                id="embedsite.W005",
            )
        )
    if config.behind_tls_proxy and not config.trusted_proxies:
        faults.append(
            CheckWarning(
                "X-Forwarded-Proto is believed from anybody, and callers have the proxy's address.",
                hint="Set EMBED_TRUSTED_PROXIES to the addresses of the proxy.",
                id="embedsite.W006",
            )
        )
    return faults
