"""The HNSW index of a generation: built beside the one that serves, and then put in its place."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connection, transaction
from psycopg import sql

from embeddings.constants import IndexStorage, Metric
from embeddings.models import Generation
from embeddings.store.index_expressions import index_expression, index_opclass
from embeddings.store.partitions import chunks_table

POLL_S = 0.5
CANCEL_S = 10.0
CLIENT_CHECK = "5s"
"""After so long the server ends a build whose process was killed."""

ROW_BYTES = 60
"""A chunk's row has at least so many: 24 of PostgreSQL's own, and the columns but the vector."""

INLINE_DIMENSIONS = 480
"""Vectors of more may be kept beside the table: a row is to stay under 2,032 bytes."""

APPLICATION = "index_builder_"
"""Begins the name under which a build's session shows in pg_stat_activity."""


@dataclass(frozen=True, slots=True)
class BuildProgress:
    """PostgreSQL's name of what the build does, and the share of the table that it has read."""

    phase: str
    share: float


def index_name(generation_id: int) -> str:
    """The name under which the generation's index serves."""
    return f"{chunks_table(generation_id)}_hnsw"


def new_name(generation_id: int) -> str:
    """Its name while it is built."""
    return f"{index_name(generation_id)}_new"


def old_name(generation_id: int) -> str:
    """The name of the index that it has replaced."""
    return f"{index_name(generation_id)}_old"


def build_index(
    *,
    generation: Generation,
    on_wait: Callable[[BuildProgress], None] = lambda _: None,
    in_swap: Callable[[], None] = lambda: None,
) -> None:
    """Build the index that the generation's fields describe without blocking reads or writes; the
    present one serves until then. VACUUM and ANALYZE the vectors.

    `on_wait` is called twice a second; what it raises ends the build, and nothing is left of it.
    `in_swap` runs in the transaction that puts the new index in place. Must run outside a
    transaction, as CREATE INDEX CONCURRENTLY does.
    """
    pk = generation.pk
    with session_beside(f"{APPLICATION}{pk}") as beside:
        drop_index(name=new_name(pk))
        drop_index(name=old_name(pk))
        try:
            execute_beside(beside, _create(generation), on_wait)
            with transaction.atomic():
                _rename("IF EXISTS", index_name(pk), old_name(pk))
                _rename("", new_name(pk), index_name(pk))
                in_swap()
        except BaseException:
            drop_index(name=new_name(pk))
            raise
        drop_index(name=old_name(pk))
        # Dead rows are in no index now, so that this is the cheapest moment to be rid of them.
        table = sql.Identifier(chunks_table(pk))
        execute_beside(beside, sql.SQL("VACUUM (ANALYZE) {}").format(table), on_wait)


def drop_index(*, name: str) -> None:
    """Drop it, if it is there, without blocking anyone; outside a transaction."""
    _execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(name)))


def building_generations() -> set[int]:
    """Those whose index is being built, by whatever process."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT substr(application_name, %s)::bigint FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name ~ %s",
            [len(APPLICATION) + 1, f"^{APPLICATION}[0-9]+$"],
        )
        return {pk for (pk,) in cursor.fetchall()}


def count_chunks(*, generation_id: int) -> int:
    """Rows of the generation's partition."""
    table = sql.Identifier(chunks_table(generation_id))
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(table))
        return int(cursor.fetchone()[0])


def has_chunks(*, generation: Generation, at_least: int) -> bool:
    """Whether the generation's partition has so many rows. It counts them, 10,000 in 2.4 ms, only
    where its file has room for so many.
    """
    vector = 4 * generation.dimensions if generation.dimensions <= INLINE_DIMENSIONS else 0
    size = at_least * (ROW_BYTES + vector)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT CASE WHEN pg_relation_size(to_regclass(%s)) >= %s THEN EXISTS"
            " (SELECT FROM chunks WHERE generation_id = %s OFFSET %s LIMIT 1) ELSE false END",
            [chunks_table(generation.pk), size, generation.pk, at_least - 1],
        )
        return bool(cursor.fetchone()[0])


def _create(generation: Generation) -> sql.Composed:
    storage, metric = IndexStorage(generation.storage), Metric(generation.metric)
    return sql.SQL(
        "CREATE INDEX CONCURRENTLY {name} ON {table} USING hnsw ({expression} {opclass})"
        " WITH (m = {m}, ef_construction = {ef_construction})"
    ).format(
        name=sql.Identifier(new_name(generation.pk)),
        table=sql.Identifier(chunks_table(generation.pk)),
        expression=index_expression(
            storage=storage, dimensions=generation.dimensions, vector=sql.Identifier("embedding")
        ),
        opclass=index_opclass(storage=storage, metric=metric),
        m=sql.Literal(generation.m),
        ef_construction=sql.Literal(generation.ef_construction),
    )


def _rename(condition: str, name: str, to: str) -> None:
    # Of an index this locks nobody out; of a table it would.
    _execute(
        sql.SQL("ALTER INDEX {condition} {name} RENAME TO {to}").format(
            condition=sql.SQL(condition), name=sql.Identifier(name), to=sql.Identifier(to)
        )
    )


@contextmanager
def session_beside(name: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection of its own, which shows to others for as long as the work goes on."""
    parameters = connection.get_connection_params()
    for key in ("cursor_factory", "context"):
        parameters.pop(key, None)
    parameters["application_name"] = name
    with (
        connection.wrap_database_errors,
        psycopg.connect(**parameters, autocommit=True) as session,
    ):
        session.execute(
            "SELECT set_config('client_connection_check_interval', %s, false)", [CLIENT_CHECK]
        )
        yield session


def execute_beside(
    beside: psycopg.Connection[Any],
    statement: sql.Composed,
    on_wait: Callable[[BuildProgress], None],
) -> None:
    """Run the statement in a thread of its own, so that this one can watch it and end it: `on_wait`
    is called twice a second, and what it raises cancels the statement.
    """
    with ThreadPoolExecutor(1) as thread:
        build = thread.submit(beside.execute, statement)
        try:
            while not wait([build], timeout=POLL_S).done:
                on_wait(_progress(beside.info.backend_pid))
            build.result()
        except BaseException:
            beside.cancel_safe(timeout=CANCEL_S)
            raise


def _progress(pid: int) -> BuildProgress:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT phase, coalesce(blocks_done::float8 / nullif(blocks_total, 0), 0)"
            " FROM pg_stat_progress_create_index WHERE pid = %s",
            [pid],
        )
        row = cursor.fetchone()
    return BuildProgress(*row) if row else BuildProgress("", 0.0)


def _execute(statement: sql.Composed) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
