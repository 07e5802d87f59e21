"""Statements that travel together."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import DataError, OperationalError, ProgrammingError, connection, transaction

from accounts.store import batch as batches
from accounts.store.batch import Batch, BatchQuery

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def scratch() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE scratch (value int)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE scratch")


def send(*statements: tuple[bytes, list[Any]]) -> list[BatchQuery]:
    batch = Batch()
    queries = [batch.queue(statement, values) for statement, values in statements]
    batch.send()
    return queries


def rows(statement: bytes, *values: Any) -> list[tuple[Any, ...]]:
    [query] = send((statement, list(values)))
    return query.rows()


def prepared() -> list[tuple[Any, ...]]:
    return rows(b"SELECT statement, generic_plans + custom_plans FROM pg_prepared_statements")


def test_it_works() -> None:
    first, second, third = send(
        (b"INSERT INTO scratch SELECT generate_series(1, %s)", [3]),
        (b"SELECT value, %s::text FROM scratch ORDER BY 1", ["a %"]),
        (b"SELECT 7 %% 4, %s::int[], NULL WHERE %s", [[1, None], False]),
    )
    assert first.rows() == []
    assert second.rows() == [(1, "a %"), (2, "a %"), (3, "a %")]
    assert third.rows() == []
    assert rows(b"SELECT 7 %% 4, %s::int[], NULL", [1, None]) == [(3, [1, None], None)]


def test_a_batch_is_one_transaction() -> None:
    _, inside = send(
        (b"SELECT set_config('enable_sort', 'off', true)", []), (b"SHOW enable_sort", [])
    )
    assert inside.rows() == [("off",)]
    assert rows(b"SHOW enable_sort") == [("on",)]


def test_a_failure_undoes_the_rest() -> None:
    with pytest.raises(DataError, match="division by zero"):
        send(
            (b"INSERT INTO scratch VALUES (1)", []),
            (b"SELECT 1 / %s", [0]),
            (b"INSERT INTO scratch VALUES (2)", []),
        )
    assert rows(b"SELECT count(*) FROM scratch") == [(0,)]
    with pytest.raises(ProgrammingError, match="nowhere"):
        rows(b"SELECT * FROM nowhere")
    with pytest.raises(DataError):
        rows(b"SELECT %s::text", "\x00")
    assert rows(b"SELECT 1") == [(1,)]


def test_in_a_transaction_it_is_part_of_that() -> None:
    with pytest.raises(DataError), transaction.atomic():
        send((b"INSERT INTO scratch VALUES (1)", []))
        assert rows(b"SELECT count(*) FROM scratch") == [(1,)]
        rows(b"SELECT 1 / %s", 0)
    assert rows(b"SELECT count(*) FROM scratch") == [(0,)]


def test_a_row_as_sent_changes_with_the_row() -> None:
    one, same, other, none = (
        send((b"SELECT %s::int, NULL WHERE %s", values))[0].row_as_sent()
        for values in ([1, True], [1, True], [2, True], [1, False])
    )
    assert one == same == [b"\x00\x00\x00\x01", None]
    assert other != one
    assert none is None


def test_statements_are_prepared_once() -> None:
    for number in range(4):
        assert rows(b"SELECT %s + 1", number) == [(number + 1,)]
    assert ("SELECT $1 + 1", 3) in prepared()  # from the second time on


def test_what_is_not_to_be_prepared_is_not() -> None:
    batch = Batch()
    query = batch.queue(b"SELECT %s + 2", [1], prepare=False)
    batch.send()
    assert query.rows() == [(3,)]
    assert "SELECT $1 + 2" not in [statement for statement, _ in prepared()]


def test_names_that_the_server_has_forgotten_are_made_anew() -> None:
    assert rows(b"SELECT %s + 3", 1) == rows(b"SELECT %s + 3", 1) == [(4,)]
    rows(b"DEALLOCATE ALL")
    assert rows(b"SELECT %s + 3", 1) == [(4,)]
    with transaction.atomic():
        rows(b"DEALLOCATE ALL")
        assert rows(b"SELECT %s + 3", 1) == [(4,)]


def test_a_table_may_have_changed() -> None:
    assert rows(b"SELECT * FROM scratch") == rows(b"SELECT * FROM scratch") == []
    rows(b"ALTER TABLE scratch ADD COLUMN other text DEFAULT 'new'")
    rows(b"INSERT INTO scratch VALUES (1)")
    before = len(prepared())
    assert rows(b"SELECT * FROM scratch") == [(1, "new")]
    assert len(prepared()) <= before  # nothing is left behind


def test_a_statement_that_was_not_prepared_has_no_name() -> None:
    for _ in range(3):
        with pytest.raises(ProgrammingError):
            rows(b"SELECT later FROM scratch")
    rows(b"ALTER TABLE scratch ADD COLUMN later int")
    assert rows(b"SELECT later FROM scratch") == []


def test_only_so_many_stay_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    rows(b"DEALLOCATE ALL")
    monkeypatch.setattr(batches, "_prepared", {})
    monkeypatch.setattr(batches, "MAX_PREPARED", 3)
    for number in range(10):
        assert rows(b"SELECT %d" % (number // 2)) == [(number // 2,)]
    statements = [statement for statement, _ in prepared()]
    assert set(statements) == {"SELECT 3", "SELECT 4"}  # and the one that asks, for the first time


def test_a_value_that_python_can_not_hold_is_told() -> None:
    with pytest.raises(DataError):
        rows(b"SELECT 'infinity'::timestamptz")


def test_a_lost_connection_is_told_and_replaced() -> None:
    [(pid,)] = rows(b"SELECT pg_backend_pid()")
    with pytest.raises(OperationalError):
        rows(b"SELECT pg_terminate_backend(%s)", pid)
    connection.close_if_unusable_or_obsolete()
    assert rows(b"SELECT 1") == [(1,)]
