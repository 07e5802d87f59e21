"""The words of documents with their BM25 weights, and what is known of a whole collection's.

A weight is BM25's share of one word in one document, without its rarity, which is a matter of the
whole collection and so of the query. Words are dimensions of a `sparsevec` by their hash.
"""

import uuid
from collections.abc import Sequence

from django.db import connection
from psycopg import sql

from embeddings.constants import TERM_DIMENSIONS
from embeddings.store.cursors import binary_cursor
from embeddings.store.partitions import documents_table, terms_index, terms_table

K1 = 1.2
B = 0.75
"""The usual ones. Others gained at most 0.006 nDCG@10 on one of SciFact, Cranfield and CoSQA, and
lost on another."""

INDEXED_CHARS = 100_000
"""Of a text; about the 16,383 positions that a `tsvector` tells apart, and short of its 1 MiB with
characters of four bytes and hyphenated words, which count twice."""

MAX_WEIGHTS = 16_000
"""pgvector's limit for a `sparsevec`; the most frequent words of a text are kept."""

COMMON = 100
"""From so many documents on a word's count is kept; below, it is counted when it is asked for."""

HASH = sql.SQL(
    '(1 + mod(hashtextextended(lexeme COLLATE "C", 0) & 9223372036854775807, {dimensions}))'
).format(dimensions=sql.Literal(TERM_DIMENSIONS))
"""Of `lexeme`. PostgreSQL may not change this function: it partitions tables by it."""

AVERAGE = sql.SQL("greatest(s.length::float8 / greatest(s.documents, 1), 1)")
"""Of `s`, a row of the statistics."""

WEIGHTS = """(
    SELECT coalesce('{{' || string_agg(term || ':' || weight, ',') || '}}', '{{}}')
    FROM (
        SELECT term, (frequency * {gain}
            / (frequency + {k1} * ({short} + {b} * {length} / {average})))::real AS weight
        FROM (
            SELECT {hash} AS term, sum(cardinality(positions))::float8 AS frequency
            FROM unnest({terms}) GROUP BY 1 ORDER BY 2 DESC LIMIT {limit}
        ) AS frequencies
    ) AS weighted
) || {dimensions}"""


def languages() -> list[str]:
    """The text search configurations of the server, by name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT cfgname FROM pg_ts_config WHERE pg_ts_config_is_visible(oid) ORDER BY 1"
        )
        return [name for (name,) in cursor.fetchall()]


def store_terms(*, collection_id: uuid.UUID, language: str, ids: Sequence[uuid.UUID]) -> int:
    """Store the words of these documents, in place of those they had; returns how many documents
    the collection's statistics count.
    """
    statement = sql.SQL(_STORE).format(
        documents=sql.Identifier(documents_table(collection_id)),
        terms=sql.Identifier(terms_table(collection_id)),
        chars=sql.Literal(INDEXED_CHARS),
        average=AVERAGE,
        weights=_weights(terms="sized.terms", length="sized.length", average="counted.average"),
    )
    with binary_cursor() as cursor:
        row = cursor.execute(
            statement, [language, list(ids), collection_id, collection_id]
        ).fetchone()
    return int(row[0]) if row else 0


# Between angle brackets PostgreSQL would see a tag, and leave words of code and addresses out. So
# they are blanks wherever words are read.
_STORE = """
    WITH read AS MATERIALIZED (
        SELECT d.id,
            to_tsvector(%s::regconfig, translate(left(d.text, {chars}), '<>', '  ')) AS terms
        FROM {documents} d WHERE d.id = ANY (%s)
    ), sized AS MATERIALIZED (
        SELECT id, terms, coalesce(
            (SELECT sum(cardinality(positions)) FROM unnest(terms)), 0)::integer AS length
        FROM read
    ), counted AS (
        INSERT INTO keyword_statistics AS s
            (collection_id, documents, length, changes, refreshed_documents)
        SELECT %s, count(*), coalesce(sum(length), 0), count(*), 0 FROM sized
        ON CONFLICT (collection_id) DO UPDATE SET
            documents = s.documents + excluded.documents,
            length = s.length + excluded.length,
            changes = s.changes + excluded.changes
        RETURNING s.documents, {average} AS average
    ), stored AS (
        INSERT INTO {terms} (collection_id, document_id, length, average_length, weights, terms)
        SELECT %s, sized.id, sized.length, counted.average, ({weights})::sparsevec, sized.terms
        FROM sized CROSS JOIN counted
        ON CONFLICT (document_id) DO UPDATE SET length = excluded.length,
            average_length = excluded.average_length, weights = excluded.weights,
            terms = excluded.terms
    )
    SELECT documents FROM counted"""


def unstored(*, collection_id: uuid.UUID, limit: int) -> list[uuid.UUID]:
    """Ids of documents whose words are not stored: those that were there before words were."""
    statement = sql.SQL(
        "SELECT id FROM {documents} d WHERE NOT EXISTS"
        " (SELECT FROM {terms} t WHERE t.document_id = d.id) LIMIT %s"
    ).format(
        documents=sql.Identifier(documents_table(collection_id)),
        terms=sql.Identifier(terms_table(collection_id)),
    )
    with binary_cursor() as cursor:
        return [pk for (pk,) in cursor.execute(statement, [limit]).fetchall()]


def reweigh(*, collection_id: uuid.UUID, drift: float, limit: int) -> int:
    """Compute up to `limit` documents' weights anew, of those whose average length is further than
    `drift`, a share, from the collection's; returns how many there were.
    """
    statement = sql.SQL(_REWEIGH).format(
        terms=sql.Identifier(terms_table(collection_id)),
        average=AVERAGE,
        drift=sql.Literal(drift),
        weights=_weights(terms="t.terms", length="t.length", average="due.average"),
    )
    with binary_cursor() as cursor:
        return cursor.execute(statement, [collection_id, limit]).rowcount


_REWEIGH = """
    WITH due AS MATERIALIZED (
        SELECT t.document_id, s.average
        FROM (SELECT {average} AS average FROM keyword_statistics s WHERE collection_id = %s) s
        JOIN {terms} t ON abs(t.average_length - s.average) > {drift} * s.average
        LIMIT %s
    )
    UPDATE {terms} t SET average_length = due.average, weights = ({weights})::sparsevec
    FROM due WHERE t.document_id = due.document_id"""


def _weights(*, terms: str, length: str, average: str) -> sql.Composed:
    return sql.SQL(WEIGHTS).format(
        gain=sql.Literal(K1 + 1),
        k1=sql.Literal(K1),
        short=sql.Literal(1 - B),
        b=sql.Literal(B),
        hash=HASH,
        limit=sql.Literal(MAX_WEIGHTS),
        dimensions=sql.Literal(f"/{TERM_DIMENSIONS}"),
        terms=sql.SQL(terms),
        length=sql.SQL(length),
        average=sql.SQL(average),
    )


def refresh_statistics(*, collection_id: uuid.UUID) -> None:
    """Count lengths and common words anew, and put them in the place of the old ones. What is
    written meanwhile counts as changed since.
    """
    terms = sql.Identifier(terms_table(collection_id))
    common = sql.SQL(
        "SELECT lexeme, count(*) FROM {} t, unnest(t.terms) GROUP BY 1 HAVING count(*) >= %s"
    ).format(terms)
    counts = sql.SQL("SELECT count(*), coalesce(sum(length), 0) FROM {}").format(terms)
    with binary_cursor() as cursor:
        row = cursor.execute(
            "SELECT changes FROM keyword_statistics WHERE collection_id = %s", [collection_id]
        ).fetchone()
        changes = row[0] if row else 0
        rows = cursor.execute(common, [COMMON]).fetchall()
        row = cursor.execute(counts).fetchone()
        documents, length = row if row else (0, 0)
        cursor.execute(_REFRESH, [collection_id, documents, length, documents, changes])
        cursor.execute("DELETE FROM common_terms WHERE collection_id = %s", [collection_id])
        cursor.execute(
            "INSERT INTO common_terms (collection_id, lexeme, documents)"
            " SELECT %s, * FROM unnest(%s::text[], %s::bigint[])",
            [collection_id, [lexeme for lexeme, _ in rows], [count for _, count in rows]],
        )


_REFRESH = """
    INSERT INTO keyword_statistics AS s
        (collection_id, documents, length, refreshed_documents, changes, refreshed_at)
    VALUES (%s, %s, %s, %s, %s, now())
    ON CONFLICT (collection_id) DO UPDATE SET documents = excluded.documents,
        length = excluded.length, refreshed_documents = excluded.refreshed_documents,
        changes = s.changes - excluded.changes, refreshed_at = excluded.refreshed_at"""


def tidy(*, collection_id: uuid.UUID) -> None:
    """Sort what was added to the index lately, which every search reads through until then, and let
    the planner know the table.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT gin_clean_pending_list(%s::regclass)", [terms_index(collection_id)])
        cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(terms_table(collection_id))))
