"""Looks for words in the whole database."""

from django.db import connection
from psycopg import sql


def tables_with(words: str) -> set[str]:
    """The tables in which some row, written as text, matches the words."""
    found = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            statement = sql.SQL("SELECT 1 FROM {} t WHERE t::text ~* %s LIMIT 1")
            cursor.execute(statement.format(sql.Identifier(table)), [words])
            if cursor.fetchone():
                found.add(table)
    return found
