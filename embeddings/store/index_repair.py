"""Indexes that a build left behind, and those that are gone."""

import time

from django.db import OperationalError, connection
from psycopg import sql

from embeddings.store.index import drop_index, index_name

SECOND_LOOK_S = 1.0
LOCK_TIMEOUT = "2s"

# What a build has the name of while it runs, an operator's own REINDEX CONCURRENTLY included, and
# whatever else can't be used of the vectors'. Nothing of a table where somebody builds; and nothing
# at all while somebody builds whose work we may not see.
_LEFTOVERS = """
    SELECT t.relname, c.relname
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_class t ON t.oid = i.indrelid
    JOIN pg_inherits p ON p.inhrelid = t.oid
    WHERE p.inhparent IN ('chunks'::regclass, 'documents'::regclass)
        AND (c.relname ~ '^chunks_[0-9]+_hnsw_(new|old)$'
            OR NOT i.indisvalid AND c.relname ~ '(^chunks_[0-9]+_hnsw|_ccnew[0-9]*|_ccold[0-9]*)$')
        AND NOT EXISTS (
            SELECT FROM pg_stat_progress_create_index b
            WHERE b.datname = current_database() AND coalesce(b.relid IN (0, t.oid), true)
        )"""


def leftover_indexes() -> dict[str, str]:
    """Names of indexes that no build will ever finish, each with its table."""
    with connection.cursor() as cursor:
        cursor.execute(_LEFTOVERS)
        return {name: table for table, name in cursor.fetchall()}


def drop_leftovers(*, but_of: set[str]) -> list[str]:
    """Drop what is left over for a second or longer, but for the tables named; returns what was
    dropped. A build that ends between its last report and its commit looks like one for a moment.
    """
    found = {name for name, table in leftover_indexes().items() if table not in but_of}
    if not found:
        return []
    time.sleep(SECOND_LOOK_S)
    return [name for name in sorted(found & leftover_indexes().keys()) if _dropped(name)]


def has_index(*, generation_ids: list[int]) -> set[int]:
    """Those of the generations that have a usable HNSW index in the place where it serves."""
    names = {index_name(pk): pk for pk in generation_ids}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid"
            " WHERE i.indisvalid AND c.relname = ANY (%s) AND pg_table_is_visible(c.oid)",
            [list(names)],
        )
        return {names[name] for (name,) in cursor.fetchall()}


def _dropped(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [LOCK_TIMEOUT])
        try:
            drop_index(name=name)
        except OperationalError:  # somebody is at the table; the next round tries again
            return False
        finally:
            cursor.execute(sql.SQL("RESET lock_timeout"))
    return True
