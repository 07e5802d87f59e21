"""How many documents have each value of a metadata field."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import sql

from embeddings.store.cursors import binary_cursor
from embeddings.store.filter import compile_filter
from embeddings.store.keyword_search import HAS_PHRASES, phrase_values
from embeddings.store.metadata_values import IN_ARRAY, SCALARS, steps
from embeddings.store.partitions import documents_table, terms_table
from embeddings.types.search import Facet, FacetCounts, MetadataFilter


def facet_counts(
    *,
    views: Mapping[uuid.UUID, MetadataFilter | None],
    facets: Sequence[Facet],
    words: Mapping[uuid.UUID, str] | None = None,
    phrases: Sequence[str] = (),
) -> dict[str, FacetCounts]:
    """The counts of each facet over all documents that the filter of their collection lets through,
    by its name; with `words`, a `tsquery` for each collection, only over those that match it and
    have the `phrases`. Each distinct element of an array is counted once for its document; objects
    are not counted.
    """
    numbered, matches, bound = list(enumerate(facets)), [], []
    has = HAS_PHRASES if phrases else sql.SQL("true")
    for pk, metadata_filter in views.items():
        condition, values = compile_filter(metadata_filter)
        table, terms = sql.Identifier(documents_table(pk)), sql.Identifier(terms_table(pk))
        join = sql.SQL("" if words is None else _MATCHING).format(terms=terms, has=has)
        matches.append(
            sql.SQL("SELECT d.metadata FROM {} d {} WHERE {}").format(table, join, condition)
        )
        if words is not None:
            bound += [words[pk], *(phrase_values(phrases) if phrases else ())]
        bound += values
    values_at = [sql.SQL("({}, m.metadata{})").format(at, steps(f.path)) for at, f in numbered]
    bound += [step for facet in facets for step in facet.path]
    statement = sql.SQL(_STATEMENT).format(
        matches=sql.SQL(" UNION ALL ").join(matches),
        values=sql.SQL(", ").join(values_at),
        tops=sql.SQL(", ").join(sql.SQL("({}, {})").format(at, f.limit) for at, f in numbered),
        scalars=SCALARS,
        in_array=IN_ARRAY,
    )
    with binary_cursor() as cursor:
        rows = cursor.execute(statement, bound, prepare=False).fetchall()
    return {facet.name: _counts(facet, rows, at) for at, facet in numbered}


_MATCHING = "JOIN {terms} t ON t.document_id = d.id AND t.terms @@ %s::tsquery AND {has}"

_STATEMENT = """
    WITH fields (field, top) AS (VALUES {tops}), fetched AS MATERIALIZED (
        SELECT field, value
        FROM ({matches}) m CROSS JOIN LATERAL (VALUES {values}) AS v (field, value)
    ), elements AS (
        SELECT field, value FROM fetched
        WHERE value IS NULL OR jsonb_typeof(value) NOT IN ('array', 'object')
        UNION ALL
        SELECT field, e.value FROM fetched CROSS JOIN {in_array} e
        WHERE jsonb_typeof(fetched.value) = 'array'
    ), counted AS (
        SELECT field, value, jsonb_typeof(value) AS type, count(*) AS documents
        FROM elements GROUP BY field, value
    ), placed AS (
        SELECT counted.*, row_number() OVER (
            PARTITION BY field, type IN {scalars} ORDER BY documents DESC, value) AS place
        FROM counted
    )
    SELECT field, type, value, documents
    FROM placed JOIN fields USING (field)
    WHERE place <= top + 1
    ORDER BY field, place"""


def _counts(facet: Facet, rows: Sequence[tuple[Any, ...]], at: int) -> FacetCounts:
    own = [(kind, value, count) for field, kind, value, count in rows if field == at]
    values = [(value, count) for kind, value, count in own if kind not in (None, "null")]
    return FacetCounts(
        values=values[: facet.limit],
        null=sum(count for kind, _, count in own if kind == "null"),
        absent=sum(count for kind, _, count in own if kind is None),
        more=len(values) > facet.limit,
    )
