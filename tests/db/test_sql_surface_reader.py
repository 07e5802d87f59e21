"""The role for people with psql: it reads the SQL surface, and nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from psycopg import sql

from accounts.models import ApiToken, User
from embedsite.management.commands import create_readonly_role as command
from tests.db.test_sql_surface import fill, literal, make_ready, query_vector, rows, superuser
from tests.factories import make_collection, make_document

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(transactional_db: None) -> Iterator[str]:
    out = StringIO()
    call_command("create_readonly_role", "embed_reader", stdout=out, stderr=StringIO())
    yield out.getvalue().strip()
    with superuser() as session:
        session.execute("DROP OWNED BY embed_reader")
        session.execute("DROP ROLE embed_reader")


@contextmanager
def as_reader() -> Iterator[psycopg.Connection[Any]]:
    parameters = command.parameters() | {"user": "embed_reader"}
    with psycopg.connect(**parameters, autocommit=True) as session:
        yield session


def test_a_reader_searches_every_collection_later_ones_too(reader: str) -> None:
    collection = fill(make_collection("later"), 120)
    make_ready(collection)
    with as_reader() as session:
        count = session.execute(
            "SELECT count(*) FROM embed_search('later', %s, 7)", [literal(query_vector())]
        ).fetchone()
        assert count == (7,)
        for source in ("embed_documents('later')", "embed_chunks('later')"):
            assert session.execute(f"SELECT count(*) FROM {source}").fetchone() == (120,)  # noqa: S608
        names = session.execute("SELECT name FROM embed_collections").fetchall()
        assert ("later",) in names


def test_a_reader_reads_nothing_else_and_writes_nothing(reader: str) -> None:
    collection = make_collection("drinks")
    make_document(collection)
    allowed = {"embed_collections", "documents", "chunks"}
    tables = {
        name
        for (name,) in rows(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'v')"
            " AND relnamespace = current_schema()::regnamespace"
        )
    }
    assert {User._meta.db_table, ApiToken._meta.db_table, "jobs", "collections"} <= tables
    with as_reader() as session:
        for table in sorted(tables - allowed):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table)))
        session.execute("SET default_transaction_read_only = off")
        for statement in (
            "DELETE FROM documents",
            "UPDATE chunks SET ordinal = 1",
            "UPDATE collections SET name = 'mine'",
            "CREATE TABLE mine (a int)",
            "SELECT owner_id FROM collections",
            "CREATE ROLE other",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(statement)


def test_a_reader_only_reads_unless_it_insists(reader: str) -> None:
    with as_reader() as session:
        assert session.execute("SHOW default_transaction_read_only").fetchone() == ("on",)


def test_the_password_is_made_shown_once_and_kept_as_a_verifier(reader: str) -> None:
    assert len(reader) == 32
    with superuser() as session:
        row = session.execute(
            "SELECT rolpassword FROM pg_authid WHERE rolname = 'embed_reader'"
        ).fetchone()
    assert row is not None
    assert row[0].startswith("SCRAM-SHA-256$")


def test_a_password_can_be_asked_for(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["short", "long enough to keep", "another"])
    monkeypatch.setattr("getpass.getpass", lambda _: next(answers))
    for message in ("12 characters", "not the same"):
        with pytest.raises(CommandError, match=message):
            call_command("create_readonly_role", "embed_asked", "--ask-password")
    assert rows("SELECT FROM pg_roles WHERE rolname = 'embed_asked'") == []


def test_a_role_is_made_once(reader: str) -> None:
    with pytest.raises(CommandError, match="already"):
        call_command("create_readonly_role", "embed_reader", stdout=StringIO())


@pytest.mark.parametrize("name", ["", "Reader", "a b", "pg_reader", "1a", 'a"; DROP', "a" * 64])
def test_a_name_needs_no_quotes(name: str) -> None:
    with pytest.raises(CommandError, match="A name has"):
        call_command("create_readonly_role", name)


def test_who_may_not_make_roles_is_told(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = command.parameters() | {"user": "embed"}
    monkeypatch.setattr(command, "parameters", lambda: ours)
    with pytest.raises(CommandError, match="CREATEROLE"):
        call_command("create_readonly_role", "embed_other", stdout=StringIO(), stderr=StringIO())
