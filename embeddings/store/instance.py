"""What PostgreSQL says of itself."""

from django.db import connection


def database_bytes() -> int:
    """Size of the database on disk."""
    return _number("SELECT pg_database_size(current_database())")


def connection_count() -> int:
    """Connections of clients to the database, ours among them."""
    return _number(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND backend_type = 'client backend'"
    )


def _number(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.fetchone()[0])
