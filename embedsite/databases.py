"""Django's databases: the given URL or the embedded socket, and what each start ensures."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.postgresql.base import DatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.utils import OperationalError

from embedsite.config import Config, ConfigError
from embedsite.postgres import DATABASE, ITERATIVE_SCAN, PORT, ROLE, socket_folder

# A pooled connection that never comes must fail the request, not hold its thread for ever.
POOL_TIMEOUT_S = 30
# Whoever starts something waits to read why there is no connection.
FIRST_CONNECTION_S = 5
# Any number, as long as nothing else in the database uses it.
MIGRATION_LOCK = 0x656D6265


def database_settings(config: Config) -> dict[str, Any]:
    """The `default` entry of DATABASES, with Django's own psycopg pool."""
    url = config.database_url
    place = parse_url(url.get_secret_value()) if url else embedded(config)
    options = place.pop("OPTIONS", {})
    return {
        "ENGINE": "embedsite.backend",
        **place,
        # The pool keeps the connections; Django refuses both at once.
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            **options,
            "prepare_threshold": 5,
            "pool": {
                "min_size": config.database_pool_min,
                "max_size": config.database_pool_size,
                "timeout": POOL_TIMEOUT_S,
            },
        },
    }


def end_long_statements(seconds: int) -> None:
    """Have PostgreSQL end every statement of this process after so many seconds, on connections
    that are opened from now on; 0 lets them run.
    """
    if seconds:
        options = connections.settings[DEFAULT_DB_ALIAS]["OPTIONS"]
        given = options.get("options", "")
        options["options"] = f"{given} -c statement_timeout={seconds}s".strip()


def embedded(config: Config) -> dict[str, Any]:
    return {
        "NAME": DATABASE,
        "USER": ROLE,
        "HOST": str(socket_folder(config.data_dir)),
        "PORT": str(PORT),
    }


def parse_url(url: str) -> dict[str, Any]:
    """The parts of `postgresql://user:password@host:port/name?option=value`.

    Raises ConfigError.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql") or not parts.path.strip("/"):
        raise ConfigError("DATABASE_URL: must be postgresql://user:password@host:port/name.")
    try:
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"DATABASE_URL: {error}.") from None
    options = dict(parse_qsl(parts.query))
    # A socket's folder is given as ?host=/folder, or escaped in the host's place.
    host = options.pop("host", unquote(parts.netloc.rpartition("@")[2]) if parts.netloc else "")
    return {
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host if host.startswith("/") else unquote(parts.hostname or ""),
        "PORT": str(options.pop("port", port or "")),
        "OPTIONS": options,
    }


def require_server(connection: DatabaseWrapper) -> None:
    """Raises OperationalError within seconds, with the place and the reason, where the pool would
    try for half a minute and then say no more than how long.
    """
    params = {"connect_timeout": FIRST_CONNECTION_S, **connection.get_connection_params()}
    try:
        psycopg.connect(**params).close()
    except psycopg.OperationalError as error:
        place = ":".join(str(params[key]) for key in ("host", "port") if key in params)
        raise OperationalError(f"no connection to {place or 'the server'}: {error}") from error


@contextmanager
def migration_turn(connection: DatabaseWrapper) -> Iterator[None]:
    """One process at a time migrates this database.

    The lock is asked for again and again: a session that waits inside PostgreSQL would hold up
    the CREATE INDEX CONCURRENTLY of the one that has it.
    """
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [MIGRATION_LOCK])
            if cursor.fetchone() == (True,):
                break
            time.sleep(0.2)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])


def ensure_role_settings(connection: DatabaseWrapper) -> None:
    """Give our role its pgvector settings in this database, for every later session."""
    with connection.cursor() as cursor:
        if not has_pgvector(cursor) or iterative_scan(cursor) == ITERATIVE_SCAN:
            return
        cursor.execute("SELECT current_database()")
        (database,) = cursor.fetchone()
        cursor.execute(
            f"ALTER ROLE CURRENT_USER IN DATABASE {connection.ops.quote_name(database)}"
            f" SET hnsw.iterative_scan = '{ITERATIVE_SCAN}'"
        )
    # Sessions that are open already have the old value.
    connection.close()
    connection.close_pool()


def has_pgvector(cursor: CursorWrapper) -> bool:
    cursor.execute("SELECT FROM pg_extension WHERE extname = 'vector'")
    return cursor.fetchone() is not None


def iterative_scan(cursor: CursorWrapper) -> str:
    """The session's value. pgvector is loaded first: before, any text is accepted."""
    cursor.execute("SELECT '[1]'::vector <-> '[1]'::vector")
    cursor.execute("SHOW hnsw.iterative_scan")
    (value,) = cursor.fetchone()
    return str(value)
