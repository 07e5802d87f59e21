"""Reads indexes into PostgreSQL's memory before the first searches need them."""

from dataclasses import dataclass

from django.db import connection

SHARE = 0.75
"""Of shared_buffers: the rest is for the rows that searches read."""

# What was searched last comes first; what was never searched, smallest first.
_INDEXES = """
    SELECT s.indexrelid, pg_relation_size(s.indexrelid)
    FROM pg_stat_user_indexes s
    JOIN pg_inherits p ON p.inhrelid = s.relid
    WHERE p.inhparent = 'chunks'::regclass AND s.indexrelname ~ '_hnsw$'
    ORDER BY s.last_idx_scan DESC NULLS LAST, 2"""


@dataclass(frozen=True, slots=True)
class Prewarmed:
    """What was read."""

    indexes: int
    bytes: int


def prewarm_indexes() -> Prewarmed | None:
    """Read the HNSW indexes that fit; None where the database lacks the extension pg_prewarm."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_extension WHERE extname = 'pg_prewarm'")
        if cursor.fetchone() is None:
            return None
        cursor.execute("SELECT pg_size_bytes(current_setting('shared_buffers'))")
        left = int(cursor.fetchone()[0] * SHARE)
        cursor.execute(_INDEXES)
        chosen = []
        for oid, size in cursor.fetchall():
            if size <= left:
                chosen.append((oid, size))
                left -= size
        for oid, _ in chosen:
            # Not there any more, or being replaced: another round will find its successor.
            cursor.execute(
                "SELECT pg_prewarm(c.oid::regclass) FROM pg_class c WHERE c.oid = %s", [oid]
            )
    return Prewarmed(indexes=len(chosen), bytes=sum(size for _, size in chosen))
