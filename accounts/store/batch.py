"""Statements that travel to PostgreSQL together and are answered together."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from secrets import token_hex
from typing import Any, cast
from weakref import WeakKeyDictionary

import psycopg
from cachetools import LRUCache
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.utils import DatabaseErrorWrapper
from psycopg import abc, generators
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import FeatureNotSupported, InvalidSqlStatementName, error_from_result
from psycopg.pq import ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

MAX_PREPARED = 100
"""Statements that a connection knows; with one more, that unused for longest goes."""

Key = tuple[bytes, tuple[int, ...]]
"""A statement and the types of its values: what PostgreSQL prepares."""

Names = LRUCache[Key, bytes]
"""What a connection has prepared; a name that nobody else has, also where a pooler in between gives
its sessions to several connections in turn.
"""

ONCE = b""
"""In a name's place: seen once, and to be prepared when it comes again."""

_prepared: WeakKeyDictionary[psycopg.Connection[Any], Names] = WeakKeyDictionary()


@dataclass(eq=False, slots=True)
class BatchQuery:
    """A statement with its values as they travel; its rows, once its batch was sent."""

    key: Key
    values: Sequence[abc.Buffer | None]
    formats: Sequence[Format]
    prepare: bool
    transformer: abc.Transformer
    database_errors: DatabaseErrorWrapper
    result: PGresult | None = None

    def rows(self) -> list[tuple[Any, ...]]:
        """All rows. Raises Django's DataError for a value that Python can't hold."""
        result = cast("PGresult", self.result)
        with self.database_errors:
            self.transformer.set_pgresult(result)
            return self.transformer.load_rows(0, result.ntuples, tuple)

    def row_as_sent(self) -> list[bytes | None] | None:
        """The first row in the server's spelling: equal to another one where the rows are."""
        result = cast("PGresult", self.result)
        if not result.ntuples:
            return None
        return [result.get_value(0, column) for column in range(result.nfields)]


class Batch:
    """Statements in one round trip, which is one transaction where none is open: settings that are
    made for the transaction end with it.

    psycopg's pipeline can do this, too, and takes 0.35 ms more for a search, a fifth of its SQL:
    here there are no cursors, all is sent at once and waited for once.
    """

    def __init__(self) -> None:
        # Each look through Django's `connection` would find the thread's own anew.
        self._django = connections[DEFAULT_DB_ALIAS]
        self._django.ensure_connection()
        self.connection: psycopg.Connection[Any] = self._django.connection
        self._queries: list[BatchQuery] = []

    def queue(
        self, statement: bytes, values: Sequence[Any] = (), *, prepare: bool = True
    ) -> BatchQuery:
        """The query, whose `%s` stand for the values. Raises Django's errors of the database for
        what can't be sent.
        """
        transformer, errors = Transformer(self.connection), self._django.wrap_database_errors
        with errors:
            sent = transformer.dump_sequence(values, [PyFormat.AUTO] * len(values))
        key = (numbered(statement), transformer.types or ())
        formats = transformer.formats or ()
        query = BatchQuery(key, sent, formats, prepare, transformer, errors)
        self._queries.append(query)
        return query

    def send(self) -> None:
        """Runs all. Raises Django's error of the first statement that fails; those behind it don't
        run, and where no transaction is open those before it are undone.
        """
        with self._django.wrap_database_errors:
            if not self.connection.autocommit:
                if self.connection.pgconn.transaction_status == TransactionStatus.IDLE:
                    self.connection.execute(b"")  # psycopg begins it with its first statement
                self._run(None)
                return
            names = _prepared.get(self.connection)
            if names is None:
                names = _prepared[self.connection] = LRUCache(MAX_PREPARED)
            try:
                self._run(names)
            except (InvalidSqlStatementName, FeatureNotSupported):
                # Names were deallocated, or tables are not what they were. A transaction could not
                # go on from here, which is why nothing is prepared in one.
                self._run(names, anew=True)

    def _run(self, names: Names | None, *, anew: bool = False) -> None:
        pgconn = self.connection.pgconn
        try:
            pgconn.enter_pipeline_mode()
            first = [] if names is None else self._prepare(names, anew=anew)
            for query in self._queries:
                self._submit(query, names)
            pgconn.pipeline_sync()
            count = len(first) + len(self._queries)
            results = self.connection.wait(_fetch(pgconn, count))
            pgconn.exit_pipeline_mode()
        except BaseException:
            self.connection.close()  # nobody knows what it would answer next
            raise
        for key, result in zip(first, results, strict=False):
            if key and names and result.status != ExecStatus.COMMAND_OK:
                names.pop(key, None)
        for query, result in zip(self._queries, results[len(first) :], strict=True):
            query.result = result
        for result in results:
            if result.status == ExecStatus.FATAL_ERROR:
                raise error_from_result(result)

    def _prepare(self, names: Names, *, anew: bool) -> list[Key | None]:
        """What will be answered before the queries: the keys of what is prepared, None for what is
        forgotten.
        """
        pgconn = self.connection.pgconn
        wanted = {query.key: names.get(query.key) for query in self._queries if query.prepare}
        unused = list(names.values()) if anew else []
        if anew:
            names.clear()
        new = [key for key, name in wanted.items() if anew or not name]
        while names and len(names) + len(new) > MAX_PREPARED:
            unused.append(names.popitem()[1])
        unused = [name for name in unused if name]
        for name in unused:
            pgconn.send_close_prepared(name)
        ripe = [key for key in new if wanted[key] is not None]
        for key in new:
            names[key] = ONCE
        for key in ripe:
            names[key] = b"batch_" + token_hex(8).encode()
            pgconn.send_prepare(names[key], *key)
        return [*[None] * len(unused), *ripe]

    def _submit(self, query: BatchQuery, names: Names | None) -> None:
        pgconn, (statement, types) = self.connection.pgconn, query.key
        values, formats = query.values, query.formats
        name = names.get(query.key) if names and query.prepare else None
        if name:
            pgconn.send_query_prepared(name, values, formats, Format.BINARY)
        else:
            pgconn.send_query_params(statement, values, types, formats, Format.BINARY)


def _fetch(pgconn: PGconn, count: int) -> abc.PQGen[list[PGresult]]:
    """The answers to so many statements and the end of the batch."""
    yield from generators.send(pgconn)
    results: list[PGresult] = []
    for _ in range(count):
        results += yield from generators.fetch_many(pgconn)
    yield from generators.fetch_many(pgconn)
    return results


@lru_cache(maxsize=1_000)
def numbered(statement: bytes) -> bytes:
    """With `$1`, `$2`… as PostgreSQL has them, for each `%s`."""
    numbers = itertools.count(1)
    return re.sub(
        rb"%(s|%)",
        lambda found: b"%" if found[1] == b"%" else b"$%d" % next(numbers),
        statement,
    )
