"""VACUUM and ANALYZE of a collection's tables, which can be watched and ended."""

from collections.abc import Callable, Sequence

from psycopg import sql

from embeddings.store.index import execute_beside, session_beside

APPLICATION = "vacuum"
"""The name under which the work's session shows in pg_stat_activity."""


def vacuum(
    *,
    tables: Sequence[str],
    on_table: Callable[[int], None] = lambda _: None,
    on_wait: Callable[[], None] = lambda: None,
) -> None:
    """Rid the tables of dead rows and count anew what the planner knows of them, one after the
    other; reads and writes go on. `on_table` takes how many are done. `on_wait` is called twice a
    second; what it raises ends the work. Outside a transaction.
    """
    with session_beside(APPLICATION) as beside:
        for done, table in enumerate(tables, start=1):
            statement = sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(table))
            execute_beside(beside, statement, lambda _: on_wait())
            on_table(done)
