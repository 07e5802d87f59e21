"""Compiles a metadata filter to SQL in which every key and value is bound.

Where it can, it asks by `@>`, which the index on the metadata serves. The functions `metadata_…`
are the migrations'; declared fields are indexed by the very expressions that are composed here.
"""

from decimal import Decimal
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from embeddings.store.metadata_values import steps
from embeddings.types.filter import And, Condition, MetadataFilter, Not, Or, Path, Scalar

COMPARISONS = {
    "$gt": sql.SQL(">"),
    "$gte": sql.SQL(">="),
    "$lt": sql.SQL("<"),
    "$lte": sql.SQL("<="),
}
ESTIMATED_VALUES = 32
"""Of so many values of `$in` the planner estimates each: 256 of them took it 50 ms."""

Compiled = tuple[sql.Composable, list[Any]]


def compile_filter(metadata_filter: MetadataFilter | None) -> Compiled:
    """A boolean expression over the columns of `d`, a documents partition, and its parameters.

    Compares as JSON does: a number never equals a string. Strings order by code point. It may be
    NULL where it does not hold. Run it with `prepare=False`: only a plan that knows the keys can
    use the indexes of declared fields.
    """
    if metadata_filter is None:
        return sql.SQL("true"), []
    return _compiled(metadata_filter, indexed=True)


def _compiled(metadata_filter: MetadataFilter, *, indexed: bool) -> Compiled:
    match metadata_filter:
        case Condition():
            return _condition(metadata_filter, indexed=indexed)
        case And(parts):
            return _joined(parts, " AND ", indexed=indexed)
        case Or(parts):
            return _joined(parts, " OR ", indexed=indexed)
        case Not(part):
            # Not NOT, of which NULL would be left.
            expression, values = _compiled(part, indexed=False)
            return sql.SQL("(({}) IS NOT TRUE)").format(expression), values


def _joined(parts: tuple[MetadataFilter, ...], word: str, *, indexed: bool) -> Compiled:
    if not parts:
        return sql.SQL("false" if word == " OR " else "true"), []
    compiled = [_compiled(part, indexed=indexed) for part in parts]
    expression = sql.SQL("({})").format(sql.SQL(word).join(part for part, _ in compiled))
    return expression, [value for _, values in compiled for value in values]


def _condition(condition: Condition, *, indexed: bool) -> Compiled:
    path, operator, value = condition.path, condition.operator, condition.value
    if isinstance(value, tuple) or operator == "$eq":
        values = value if isinstance(value, tuple) else (value,)
        if condition.as_instants:
            return _instants(path, values)
        return _contained(path, values) if indexed else _equal(path, values)
    if operator == "$contains":
        return sql.SQL("d.metadata @> %s::jsonb"), [Jsonb(_nested(path, [value]))]
    if operator == "$exists":
        return sql.SQL("{} IS NOT NULL").format(_at(path)), [*path]
    if operator == "$prefix":
        string = sql.SQL('metadata_string({}) COLLATE "C" ^@ %s::text').format(_at(path))
        return string, [*path, value]
    return _range(condition, COMPARISONS[operator])


def _range(condition: Condition, comparison: sql.SQL) -> Compiled:
    path, value = condition.path, condition.value
    bound: Any = value
    if condition.as_instants:
        template = "metadata_instant({at}) {comparison} metadata_instant(to_jsonb(%s::text))"
    elif isinstance(value, str):
        template = 'metadata_string({at}) COLLATE "C" {comparison} %s::text'
    else:
        template = "metadata_number({at}) {comparison} %s::numeric"
        bound = Decimal(repr(value))  # a double's shortest spelling, which is what is stored of one
    expression = sql.SQL(template).format(at=_at(path), comparison=comparison)
    return expression, [*path, bound]


def _contained(path: Path, values: tuple[Scalar, ...]) -> Compiled:
    """Whether one of the values is there, by itself or in an array."""
    alternatives = [Jsonb(_nested(path, inner)) for inner in (*values, *([v] for v in values))]
    if len(values) == 1:
        # The planner thinks of ten values where it knows none, and then of no index.
        return sql.SQL("(d.metadata @> %s::jsonb OR d.metadata @> %s::jsonb)"), alternatives
    if len(values) > ESTIMATED_VALUES:
        # Where it then reads all documents, most need no more than a look into a hash table.
        expression = sql.SQL(
            "(({at} = ANY (%s::jsonb[]) OR jsonb_typeof({at}) = 'array')"
            " AND d.metadata @> ANY ((SELECT %s::jsonb[])::jsonb[]))"
        ).format(at=_at(path))
        return expression, [*path, [Jsonb(value) for value in values], *path, alternatives]
    return sql.SQL("d.metadata @> ANY (%s::jsonb[])"), [alternatives]


def _equal(path: Path, values: tuple[Scalar, ...]) -> Compiled:
    """As _contained, for where no index can help: PostgreSQL looks the values up in a hash table,
    which matters for a long `$nin`.
    """
    expression = sql.SQL(
        "CASE jsonb_typeof({at}) WHEN 'array' THEN EXISTS (SELECT FROM"
        " jsonb_array_elements({at}) AS element WHERE element = ANY (%s::jsonb[]))"
        " ELSE {at} = ANY (%s::jsonb[]) END"
    ).format(at=_at(path))
    bound = [Jsonb(value) for value in values]
    return expression, [*path, *path, bound, *path, bound]


def _instants(path: Path, values: tuple[Scalar, ...]) -> Compiled:
    expression = sql.SQL("metadata_instant({}) = ANY (ARRAY[{}])").format(
        _at(path),
        sql.SQL(", ").join([sql.SQL("metadata_instant(to_jsonb(%s::text))")] * len(values)),
    )
    return expression, [*path, *values]


def _at(path: Path) -> sql.Composed:
    return sql.SQL("(d.metadata{})").format(steps(path))


def _nested(path: Path, value: Any) -> Any:
    for step in reversed(path):
        value = {step: value}
    return value
