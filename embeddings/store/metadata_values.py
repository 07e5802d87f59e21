"""The values of a metadata field, in SQL: those of an array one by one."""

from psycopg import sql

SCALARS = sql.SQL("('string', 'number', 'boolean')")

OF_FIELD = sql.SQL("""
    SELECT DISTINCT e.value
    FROM jsonb_array_elements(CASE jsonb_typeof(d.metadata #> %s::text[])
        WHEN 'array' THEN d.metadata #> %s::text[]
        ELSE jsonb_build_array(d.metadata #> %s::text[]) END) AS e (value)
    WHERE jsonb_typeof(e.value) IN {scalars}""").format(scalars=SCALARS)
"""The distinct strings, numbers and booleans at a path, bound three times, of the document `d`."""
