"""What PostgreSQL knows of the tables and the index behind a collection."""

from collections.abc import Sequence

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


def table_bytes(*, tables: Sequence[str]) -> dict[str, int]:
    """Of each table that is there, with its indexes and its toast."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, pg_total_relation_size(to_regclass(name)) FROM unnest(%s::text[]) AS name"
            " WHERE to_regclass(name) IS NOT NULL",
            [list(tables)],
        )
        return dict(cursor.fetchall())


def partition_stats(*, rows: int) -> dict[str, TableStats]:
    """By name, the partitions of documents and chunks that hold so many rows, dead ones included;
    without their sizes, which would take a look at the files of each.
    """
    with connection.cursor() as cursor:
        cursor.execute(_PARTITIONS, [rows])
        return {name: TableStats(0, 0, *row) for name, *row in cursor.fetchall()}


_PARTITIONS = """
    SELECT s.relname, s.n_live_tup, s.n_dead_tup, s.n_mod_since_analyze,
        greatest(s.last_vacuum, s.last_autovacuum), greatest(s.last_analyze, s.last_autoanalyze)
    FROM pg_stat_user_tables s JOIN pg_inherits i ON i.inhrelid = s.relid
    WHERE i.inhparent IN ('documents'::regclass, 'chunks'::regclass)
        AND s.n_live_tup + s.n_dead_tup >= %s"""
