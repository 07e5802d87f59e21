"""What PostgreSQL knows of the tables and the index behind a collection."""

from django.db import connection

from embeddings.exceptions import NotFound
from embeddings.types.stats import TableStats

_TABLE = """
    SELECT pg_table_size(s.relid), pg_indexes_size(s.relid), s.n_live_tup, s.n_dead_tup,
        s.n_mod_since_analyze, greatest(s.last_vacuum, s.last_autovacuum),
        greatest(s.last_analyze, s.last_autoanalyze)
    FROM pg_stat_user_tables s WHERE s.relid = to_regclass(%s)"""


def table_stats(*, table: str) -> TableStats:
    """Of one partition. Raises NotFound when it is gone."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLE, [table])
        row = cursor.fetchone()
    if row is None:
        raise NotFound
    return TableStats(*row)


def relation_bytes(*, name: str) -> int:
    """Of an index; 0 where there is none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(pg_relation_size(to_regclass(%s)), 0)", [name])
        return int(cursor.fetchone()[0])
