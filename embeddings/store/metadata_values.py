"""The values of a metadata field, in SQL: what a path leads to, those of an array one by one."""

from psycopg import sql

from embeddings.types.filter import Path

SCALARS = sql.SQL("('string', 'number', 'boolean')")

IN_ARRAY = sql.SQL("""LATERAL (
        SELECT DISTINCT x.value
        FROM jsonb_array_elements(CASE jsonb_typeof(fetched.value)
            WHEN 'array' THEN fetched.value END) AS x (value)
        WHERE jsonb_typeof(x.value) IN {scalars}
    )""").format(scalars=SCALARS)
"""The distinct strings, numbers and booleans in an array, the `value` of `fetched`. To read all
values so, as if each were an array, takes three times as long.
"""


def steps(path: Path) -> sql.SQL:
    """What leads from metadata to the path's value, with each step as a parameter: through objects
    only, for `#>` would count the items of an array.
    """
    return sql.SQL(" -> %s::text" * len(path))
