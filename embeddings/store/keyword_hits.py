"""What a ranking by words shows of documents: the chunk that matches best, and where it matches."""

import html
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from embeddings.store.cursors import binary_cursor
from embeddings.store.filter import compile_filter
from embeddings.store.hits import read_hit, shown_columns
from embeddings.store.keyword_search import quoted
from embeddings.store.search_sql import Target
from embeddings.types.filter import MetadataFilter
from embeddings.types.search import Hit, Include

HIGHLIGHTED_CHARS = 20_000
"""Of a hit's chunk; only one that is as large as a book is longer."""

SAMPLE = 200
"""So many documents' distances say how far distances of a query are apart."""

START, STOP, CUT = "\x02", "\x03", "\x1f"
LESS, GREATER = "\x04", "\x05"
"""In the places of angle brackets until the words are marked: blanks to PostgreSQL."""

HEADLINE = (
    f'StartSel="{START}", StopSel="{STOP}", FragmentDelimiter="{CUT}",'
    " MaxFragments=3, MinWords=5, MaxWords=25, ShortWord=0"
)


@dataclass(frozen=True, slots=True)
class Words:
    """What a query's words are worth, by lexeme, in the collection's language."""

    language: str
    worth: Mapping[str, float]


def covering_chunks(
    *, target: Target, ids: Sequence[uuid.UUID], words: Words
) -> dict[uuid.UUID, int]:
    """Of each document with several chunks, the ordinal of the one whose words are worth most."""
    statement = sql.SQL(_COVERING).format(**target.names)
    worth = [list(words.worth), list(words.worth.values())]
    with binary_cursor() as cursor:
        return dict(cursor.execute(statement, [words.language, *worth, list(ids)]).fetchall())


_COVERING = """
    SELECT DISTINCT ON (d.id) d.id, c.ordinal
    FROM {documents} d JOIN {chunks} c ON c.document_id = d.id
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(w.worth), 0) AS worth
        FROM unnest(tsvector_to_array(to_tsvector(%s::regconfig, translate(
            substr(d.text, c.start + 1, c."end" - c.start), '<>', '  ')))) AS l (lexeme)
        JOIN unnest(%s::text[], %s::float8[]) AS w (lexeme, worth) USING (lexeme)
    ) AS covered
    WHERE d.id = ANY (%s)
        AND EXISTS (SELECT FROM {chunks} o WHERE o.document_id = d.id AND o.ordinal > 0)
    ORDER BY d.id, covered.worth DESC, c.ordinal"""


def nearest_chunks(
    *, target: Target, ids: Sequence[uuid.UUID], vector: NDArray[np.float32]
) -> dict[uuid.UUID, tuple[int, float]]:
    """Each document's chunk that is nearest to the vector: its ordinal and its distance."""
    statement = sql.SQL(_NEAREST).format(**target.names)
    with binary_cursor() as cursor:
        rows = cursor.execute(statement, [vector, list(ids)]).fetchall()
    return {pk: (ordinal, distance) for pk, ordinal, distance in rows}


_NEAREST = """
    SELECT DISTINCT ON (c.document_id)
        c.document_id, c.ordinal, c.embedding {operator} %s::vector AS distance
    FROM {chunks} c WHERE c.document_id = ANY (%s)
    ORDER BY c.document_id, distance, c.ordinal"""


def sample_distances(
    *, target: Target, vector: NDArray[np.float32], metadata_filter: MetadataFilter | None
) -> list[float]:
    """The vector's distances from up to SAMPLE chunks that the filter lets through. Their keys are
    hashes, so the first ones are as good a sample as any.
    """
    condition, values = compile_filter(metadata_filter)
    join = "" if metadata_filter is None else "JOIN {documents} d ON d.id = c.document_id"
    statement = sql.SQL(
        "SELECT c.embedding {operator} %s::vector FROM {chunks} c {join}"
        " WHERE {condition} ORDER BY c.document_id, c.ordinal LIMIT %s"
    ).format(join=sql.SQL(join).format(**target.names), condition=condition, **target.names)
    with binary_cursor() as cursor:
        rows = cursor.execute(statement, [vector, *values, SAMPLE]).fetchall()
    return [distance for (distance,) in rows]


def read_hits(
    *,
    target: Target,
    scores: Mapping[uuid.UUID, float],
    ordinals: Mapping[uuid.UUID, int],
    include: Include,
    words: Words,
    metadata_filter: MetadataFilter | None,
) -> list[Hit]:
    """The documents as hits with these scores, in their order, each with the chunk that `ordinals`
    names, or its first; without those that meanwhile were deleted, or changed so that the filter
    does not let them through.
    """
    condition, bound = compile_filter(metadata_filter)
    statement = sql.SQL(_HITS).format(
        highlights=sql.SQL(_HIGHLIGHTS if "highlights" in include else "NULL"),
        condition=condition,
        **shown_columns(include),
        **target.names,
    )
    values: list[Any] = []
    if "highlights" in include:
        query = " | ".join(map(quoted, words.worth))
        values = [words.language, HIGHLIGHTED_CHARS, query, HEADLINE]
    wanted = [list(scores), [ordinals.get(pk, 0) for pk in scores]]
    with binary_cursor() as cursor:
        rows = cursor.execute(statement, [*values, *wanted, *bound]).fetchall()
    hits = {row[0]: _hit(row, score=scores[row[0]]) for row in rows}
    return [hits[pk] for pk in scores if pk in hits]


_HITS = """
    SELECT d.id, d.external_id, NULL, c.start, c."end", c.ordinal, {text}, {metadata}, {vector},
        {highlights}
    FROM unnest(%s::uuid[], %s::int4[]) AS wanted (id, ordinal)
    JOIN {documents} d ON d.id = wanted.id
    JOIN {chunks} c ON c.document_id = d.id AND c.ordinal = wanted.ordinal
    WHERE {condition}"""

_HIGHLIGHTS = f"""ts_headline(%s::regconfig, translate(
    substr(d.text, c.start + 1, least(c."end" - c.start, %s)),
    '<>{LESS}{GREATER}{START}{STOP}{CUT}', '{LESS}{GREATER}'), %s::tsquery, %s)"""


def _hit(row: tuple[Any, ...], *, score: float) -> Hit:
    *shown, headline = row
    hit = read_hit(shown, score=score)
    return hit if headline is None else replace(hit, highlights=highlights(headline))


_BRACKETS = str.maketrans({LESS: "<", GREATER: ">"})


def highlights(headline: str) -> list[str]:
    """The fragments of a headline in which a word is marked, as HTML that is safe in a page: the
    text is escaped, and the words stand in `<mark>`.
    """
    return [
        html.escape(fragment.translate(_BRACKETS)).replace(START, "<mark>").replace(STOP, "</mark>")
        for fragment in headline.split(CUT)
        if START in fragment
    ]
