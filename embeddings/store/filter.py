"""Compiles a metadata filter to SQL in which every key and value is bound."""

from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from embeddings.types.filter import And, Condition, MetadataFilter, Or

COMPARISONS = {
    "$gt": sql.SQL(">"),
    "$gte": sql.SQL(">="),
    "$lt": sql.SQL("<"),
    "$lte": sql.SQL("<="),
}

Compiled = tuple[sql.Composable, list[Any]]


def compile_filter(metadata_filter: MetadataFilter | None) -> Compiled:
    """A boolean expression over the columns of `d`, a documents partition, and its parameters.

    Compares as JSON does: a number never equals a string. Strings order by code point, so that
    ISO dates compare as dates.
    """
    match metadata_filter:
        case None:
            return sql.SQL("true"), []
        case Condition():
            return _condition(metadata_filter)
        case And(parts):
            return _joined(parts, " AND ")
        case Or(parts):
            return _joined(parts, " OR ")


def _joined(parts: tuple[MetadataFilter, ...], word: str) -> Compiled:
    compiled = [compile_filter(part) for part in parts]
    expression = sql.SQL("({})").format(sql.SQL(word).join(part for part, _ in compiled))
    return expression, [value for _, values in compiled for value in values]


def _condition(condition: Condition) -> Compiled:
    path = list(condition.path)
    if condition.operator == "$eq":
        return sql.SQL("(d.metadata #> %s::text[]) = %s::jsonb"), [path, Jsonb(condition.value)]
    if condition.operator == "$in":
        values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
        return (
            sql.SQL("(d.metadata #> %s::text[]) = ANY (%s::jsonb[])"),
            [path, [Jsonb(value) for value in values]],
        )
    comparison = COMPARISONS[condition.operator]
    if isinstance(condition.value, str):
        expression = sql.SQL(
            "(jsonb_typeof(d.metadata #> %s::text[]) = 'string'"
            ' AND (d.metadata #>> %s::text[]) COLLATE "C" {} %s::text)'
        ).format(comparison)
        return expression, [path, path, condition.value]
    expression = sql.SQL(
        "(jsonb_typeof(d.metadata #> %s::text[]) = 'number'"
        " AND (d.metadata #> %s::text[]) {} %s::jsonb)"
    ).format(comparison)
    return expression, [path, path, Jsonb(condition.value)]
