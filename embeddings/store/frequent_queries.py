"""How often collections are searched for a text."""

import uuid
from collections.abc import Mapping

from embeddings.store.cursors import binary_cursor

Search = tuple[uuid.UUID, int, str]
"""Collection, owner and text."""


def queries_scope(collection_id: uuid.UUID | None) -> str:
    """The scope of the cut-off of a collection's queries, or of all queries."""
    return "queries" if collection_id is None else f"queries:{collection_id}"


def add_counts(counts: Mapping[Search, int], *, since_ms: int) -> None:
    """Add to the counts, which began at `since_ms`; searches of collections or owners that are no
    more are left out, and those whose queries were forgotten since.
    """
    with binary_cursor() as cursor:
        cursor.execute(
            _ADD,
            [
                [collection_id for collection_id, _, _ in counts],
                [owner_id for _, owner_id, _ in counts],
                [text for _, _, text in counts],
                list(counts.values()),
                since_ms,
            ],
        )


def keep_most_frequent(*, collection_id: uuid.UUID, limit: int) -> None:
    """Where there are more than twice as many, keep the most frequent and halve their counts: new
    queries have room to show themselves, and old fame fades.
    """
    with binary_cursor() as cursor:
        cursor.execute(_TRIM, [collection_id, limit, collection_id, 2 * limit, collection_id])


_ADD = """
    INSERT INTO frequent_queries AS q (collection_id, owner_id, text, digest, count)
    SELECT new.collection_id, new.owner_id, new.text, sha256(convert_to(new.text, 'UTF8')), new.n
    FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::bigint[])
        AS new (collection_id, owner_id, text, n)
    JOIN collections ON collections.id = new.collection_id
    JOIN accounts_user ON accounts_user.id = new.owner_id
    WHERE NOT EXISTS (SELECT FROM cache_cutoffs
        WHERE scope IN ('queries', 'queries:' || new.collection_id::text) AND before_ms >= %s)
    ORDER BY 1, 2, 4
    ON CONFLICT (collection_id, owner_id, digest)
    DO UPDATE SET count = q.count + excluded.count, last_at = now()"""
# Ordered, so that two processes that add at once can't lock each other out.

_TRIM = """
    WITH kept AS (
        SELECT id FROM frequent_queries WHERE collection_id = %s
        ORDER BY count DESC, last_at DESC LIMIT %s
    ), crowded AS (
        SELECT FROM frequent_queries WHERE collection_id = %s OFFSET %s LIMIT 1
    ), dropped AS (
        DELETE FROM frequent_queries q USING crowded
        WHERE collection_id = %s AND NOT EXISTS (SELECT FROM kept WHERE kept.id = q.id)
    )
    UPDATE frequent_queries q SET count = (count + 1) / 2 FROM kept, crowded WHERE q.id = kept.id"""
