"""What PostgreSQL says of itself."""

from django.db import connection

SETTINGS = (
    "max_connections",
    "shared_buffers",
    "effective_cache_size",
    "work_mem",
    "maintenance_work_mem",
    "hnsw.iterative_scan",
)


def database_bytes() -> int:
    """Size of the database on disk."""
    return _number("SELECT pg_database_size(current_database())")


def connection_count() -> int:
    """Connections of clients to the database, ours among them."""
    return _number(f"SELECT {_CONNECTIONS}")


def server_facts() -> dict[str, str]:
    """Version, start, connections and settings of the server, and the version of `pgvector` where
    it is installed; in one query.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FACTS, [list(SETTINGS)])
        pgvector, version, started, connections, values = cursor.fetchone()
    facts = {"version": version, "started": f"{started:%F %R} UTC", "connections": str(connections)}
    facts |= dict(zip(SETTINGS, values, strict=True))
    return facts if pgvector is None else {**facts, "pgvector": pgvector}


def _number(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.fetchone()[0])


_CONNECTIONS = """(
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend')"""
_FACTS = f"""
    SELECT (SELECT extversion FROM pg_extension WHERE extname = 'vector'),
        current_setting('server_version'), pg_postmaster_start_time(), {_CONNECTIONS},
        (SELECT array_agg(coalesce(current_setting(name, true), '') ORDER BY place)
         FROM unnest(%s::text[]) WITH ORDINALITY AS wanted (name, place))"""  # noqa: S608 - as above
