"""The documents that match words best by BM25: candidates through the index, ranked by their
weights.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from embeddings.constants import TERM_DIMENSIONS
from embeddings.store.cursors import binary_batch, binary_cursor
from embeddings.store.filter import compile_filter
from embeddings.store.keyword import HASH
from embeddings.store.partitions import documents_table, terms_table
from embeddings.store.search import Alongside
from embeddings.types.filter import MetadataFilter
from embeddings.types.keyword_query import KeywordQuery

MAX_READ = 256
"""So many of a query's different words are looked up, the repeated ones and then the first ones."""

COUNTED = 20_000
"""So many documents in all are visited to count words that the statistics lack."""


@dataclass(frozen=True, slots=True)
class Term:
    """A word of a query as the index has it, its dimension, how often the query has it, and how
    many documents do.
    """

    lexeme: str
    dimension: int
    count: int
    documents: int


@dataclass(frozen=True, slots=True)
class ReadQuery:
    """A query in the collection's language, and among how many documents its words were counted;
    `required` and `excluded` are the database's spellings of conditions, of which stop words leave
    nothing; `phrases` are for phrase_values.
    """

    documents: int
    terms: list[Term]
    required: list[str]
    excluded: list[str]
    phrases: list[str]


def read_query(
    *,
    collection_id: uuid.UUID,
    documents: int,
    language: str,
    query: KeywordQuery,
    view: MetadataFilter | None,
    alongside: Alongside,
) -> ReadQuery:
    """The query's words with their frequencies among `documents`, how many there are now. With a
    `view` they are counted among what it lets through, or COUNTED documents of that: a score must
    not tell how rare a word is in what the caller doesn't see.
    """
    condition, values = compile_filter(view)
    statement = sql.SQL(_ASKED + (_READ if view is None else _READ_IN_VIEW)).format(
        terms=sql.Identifier(terms_table(collection_id)),
        documents=sql.Identifier(documents_table(collection_id)),
        condition=condition,
        hash=HASH,
        lexeme=_LEXEME,
        limit=sql.Literal(MAX_READ),
        counted=sql.Literal(COUNTED),
    )
    bound = [collection_id] if view is None else values
    with binary_batch() as batch:
        alongside(batch)
        words = batch.queue(
            statement.as_bytes(None),
            [language, query.words, *bound],
            prepare=view is None,  # as compile_filter asks for
        )
        phrases = [*query.phrases, *query.excluded]
        conditions = batch.queue(_CONDITIONS, [language, phrases])
    rows, [(spelled, patterns)] = words.rows(), conditions.rows()
    required, excluded = spelled[: len(query.phrases)], spelled[len(query.phrases) :]
    if view is not None:
        documents = rows[0][-1] if rows else 0
    return ReadQuery(
        documents=documents,
        terms=[
            Term(lexeme, dimension, count, _frequency(counted, common, refreshed, documents))
            for lexeme, dimension, count, counted, common, refreshed in rows
        ],
        required=[each for each in required if each],
        excluded=[each for each in excluded if each],
        phrases=[each for each in patterns[: len(query.phrases)] if each],
    )


def _frequency(counted: int | None, common: int | None, refreshed: int, documents: int) -> int:
    """Counted now, or as the share that it had at the last refresh; a word that was common is not
    taken for gone.
    """
    if common is None:
        return min(counted or 0, documents)
    return min(max(round(common * documents / max(refreshed, 1)), 1), documents)


_ASKED = """
    WITH asked AS MATERIALIZED (
        SELECT lexeme, cardinality(positions) AS count
        FROM unnest(to_tsvector(%s::regconfig, translate(%s, '<>', '  ')))
        ORDER BY 2 DESC, positions[1] LIMIT {limit}
    ), """

_LEXEME = sql.SQL(r"('''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''')::tsquery")

# The bound of each count is what the others leave it.
_READ = """known AS MATERIALIZED (
        SELECT a.*, c.documents, s.refreshed_documents, count(*) OVER () AS asked
        FROM asked a
        LEFT JOIN keyword_statistics s ON s.collection_id = %s
        LEFT JOIN common_terms c ON c.collection_id = s.collection_id AND c.lexeme = a.lexeme
    )
    SELECT lexeme, {hash}, count, CASE WHEN documents IS NULL THEN (
            SELECT count(*) FROM (
                SELECT FROM {terms} t WHERE t.terms @@ {lexeme} LIMIT {counted} / asked
            ) AS counted
        ) END, documents, coalesce(refreshed_documents, 0)
    FROM known"""

# IS TRUE as in a search: the planner would join for each word anew.
_READ_IN_VIEW = """known AS MATERIALIZED (
        SELECT a.*, count(*) OVER () AS asked FROM asked a
    ), viewed AS MATERIALIZED (
        SELECT d.id FROM {documents} d WHERE {condition} LIMIT {counted}
    )
    SELECT lexeme, {hash}, count, (
            SELECT count(*) FROM (
                SELECT FROM {terms} t
                WHERE t.terms @@ {lexeme} AND (t.document_id IN (SELECT id FROM viewed)) IS TRUE
                LIMIT {counted} / asked
            ) AS counted
        ), NULL::bigint, (SELECT count(*) FROM viewed)
    FROM known"""

_FOLDED = r"regexp_replace(lower({}), '[\W_]+', ' ', 'g')"

_CONDITIONS = (
    sql.SQL("""
    SELECT coalesce(array_agg(
            phraseto_tsquery(%s::regconfig, translate(phrase, '<>', '  '))::text ORDER BY place
        ), '{{}}'),
        coalesce(array_agg(
            '%% ' || nullif(btrim({folded}), '') || ' %%' ORDER BY place), '{{}}')
    FROM unnest(%s::text[]) WITH ORDINALITY AS phrases (phrase, place)""")
    .format(folded=sql.SQL(_FOLDED).format(sql.Identifier("phrase")))
    .as_bytes(None)
)

# A text of 1 kB takes 70 µs to fold, and 3 µs where it has not even the words.
HAS_PHRASES = sql.SQL(
    "d.text ILIKE ALL (%s::text[]) AND ' ' || {folded} || ' ' LIKE ALL (%s::text[])"
).format(folded=sql.SQL(_FOLDED).format(sql.Identifier("d", "text")))
"""Whether `d` has all phrases word by word, stop words and endings too; neither case nor what is
between the words matters. Its parameters are phrase_values.
"""


def phrase_values(phrases: Sequence[str]) -> list[Any]:
    """The parameters of HAS_PHRASES for a query's phrases."""
    return [[phrase.replace(" ", "%") for phrase in phrases], list(phrases)]


def matching(*, lexemes: Sequence[str], required: Sequence[str], excluded: Sequence[str]) -> str:
    """The `tsquery` that lets through what has all that is required, else any of the lexemes, and
    nothing excluded.
    """
    some = [f"({each})" for each in required] or [f"({' | '.join(map(quoted, lexemes))})"]
    return " & ".join([*some, *(f"!({each})" for each in excluded)])


def quoted(lexeme: str) -> str:
    """The lexeme as the text of a `tsquery` has it."""
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"


def sparse(weights: Mapping[int, float]) -> str:
    """The text of a `sparsevec` with these values by dimension."""
    inner = ",".join(f"{dimension}:{weight}" for dimension, weight in weights.items())
    return f"{{{inner}}}/{TERM_DIMENSIONS}"


def best_matches(
    *,
    collection_id: uuid.UUID,
    matching: str,
    phrases: Sequence[str],
    weights: Mapping[int, float],
    metadata_filter: MetadataFilter | None,
    bound: int,
    depth: int,
) -> tuple[dict[uuid.UUID, float], int]:
    """Ids and scores of the `depth` best documents with all phrases, best first and ties in key
    order, among the first `bound` that match, and how many did.
    """
    condition, values = compile_filter(metadata_filter)
    join = "" if metadata_filter is None else "JOIN {documents} d ON d.id = t.document_id"
    names = {
        "terms": sql.Identifier(terms_table(collection_id)),
        "documents": sql.Identifier(documents_table(collection_id)),
    }
    statement = sql.SQL(_BEST).format(
        **names,
        join=sql.SQL(join).format(**names),
        condition=condition,
        ranked=sql.SQL(_RANKED if phrases else "candidates").format(
            has=_has_phrases(collection_id)
        ),
    )
    parameters: list[Any] = [sparse(weights), matching, *values, bound]
    parameters += [*phrase_values(phrases), depth] if phrases else [depth]
    prepare = None if metadata_filter is None else False  # as compile_filter asks for
    with binary_cursor() as cursor:
        rows = cursor.execute(statement, parameters, prepare=prepare).fetchall()
    return {pk: score for pk, score, _ in rows}, rows[0][2] if rows else 0


_BEST = """
    WITH candidates AS MATERIALIZED (
        SELECT t.document_id, -(t.weights <#> %s::sparsevec) AS score
        FROM {terms} t {join}
        WHERE t.terms @@ %s::tsquery AND {condition}
        LIMIT %s
    )
    SELECT document_id, score, (SELECT count(*) FROM candidates) FROM {ranked}
    ORDER BY score DESC, document_id LIMIT %s"""

# By OFFSET in the order of their scores already, so that no more texts are read than it takes.
_RANKED = """(SELECT * FROM candidates ORDER BY score DESC, document_id OFFSET 0) AS ranked
    WHERE {has}"""


def _has_phrases(collection_id: uuid.UUID) -> sql.Composed:
    return sql.SQL("(SELECT {} FROM {} d WHERE d.id = document_id)").format(
        HAS_PHRASES, sql.Identifier(documents_table(collection_id))
    )


def scores_of(
    *,
    collection_id: uuid.UUID,
    ids: Sequence[uuid.UUID],
    weights: Mapping[int, float],
    required: Sequence[str],
    excluded: Sequence[str],
    phrases: Sequence[str],
) -> dict[uuid.UUID, float]:
    """The scores of these documents; those without what is required, or with what is excluded, are
    missing.
    """
    conditions = [f"({each})" for each in required] + [f"!({each})" for each in excluded]
    statement = sql.SQL(_SCORES).format(
        terms=sql.Identifier(terms_table(collection_id)),
        condition=sql.SQL("t.terms @@ %s::tsquery" if conditions else "true"),
        has=_has_phrases(collection_id) if phrases else sql.SQL("true"),
    )
    bound: list[Any] = [" & ".join(conditions)] if conditions else []
    bound += phrase_values(phrases) if phrases else []
    with binary_cursor() as cursor:
        rows = cursor.execute(statement, [sparse(weights), list(ids), *bound]).fetchall()
    return dict(rows)


_SCORES = """
    SELECT t.document_id, -(t.weights <#> %s::sparsevec)
    FROM {terms} t WHERE t.document_id = ANY (%s) AND {condition} AND {has}"""
