"""Whoever runs a command is who acts in it."""

import getpass
from typing import Any

import pytest
from django.db import OperationalError, ProgrammingError
from django.db.migrations.recorder import MigrationRecorder
from psycopg.errors import LockNotAvailable, UndefinedColumn, UndefinedTable
from psycopg.errors import SyntaxError as SyntaxErrorInSql
from psycopg_pool import PoolTimeout
from pydantic import SecretStr
from pytest import MonkeyPatch

from accounts.actor import SYSTEM, Actor, current_actor
from embedsite import commands


def test_it_works(monkeypatch: MonkeyPatch) -> None:
    seen: list[Actor] = []
    monkeypatch.setattr(commands, "start_for", lambda config: None)
    monkeypatch.setattr(
        commands, "execute_from_command_line", lambda argv: seen.append(current_actor())
    )
    commands.run(["manage.py", "check"])
    assert seen == [Actor(username=getpass.getuser(), credential="command")]
    assert current_actor() == SYSTEM


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_the_service_acts_for_itself(command: str) -> None:
    assert commands.actor_of(["manage.py", command]) == SYSTEM


def test_an_account_without_a_name(monkeypatch: MonkeyPatch) -> None:
    def unknown() -> str:
        raise KeyError

    monkeypatch.setattr(getpass, "getuser", unknown)
    assert commands.actor_of(["manage.py", "migrate"]).username.isdigit()


def fail(monkeypatch: MonkeyPatch, error: Exception, cause: Exception | None) -> None:
    def execute(_: list[str]) -> None:
        raise error from cause

    monkeypatch.setattr(commands, "execute_from_command_line", execute)
    commands.run(["manage.py", "check"])


@pytest.mark.parametrize("missing", [UndefinedTable(), UndefinedColumn()])
def test_a_database_without_its_tables_is_to_be_migrated(
    monkeypatch: MonkeyPatch, missing: Exception
) -> None:
    monkeypatch.setattr(commands, "lacks_migrations", lambda: True)
    with pytest.raises(SystemExit, match=r"run: python3 manage\.py migrate"):
        fail(monkeypatch, ProgrammingError(), missing)


def test_a_database_that_is_not_there_is_told_of(monkeypatch: MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="cannot be used: no connection"):
        fail(monkeypatch, OperationalError("no connection"), PoolTimeout())


@pytest.mark.parametrize(("command", "asks"), [("migrate", True), ("worker", False)])
def test_all_but_the_worker_look_for_the_server_first(
    monkeypatch: MonkeyPatch, settings: Any, command: str, asks: bool
) -> None:
    asked: list[object] = []
    url = {"database_url": SecretStr("postgresql://db.example.org/embed")}
    settings.EMBED = settings.EMBED.model_copy(update=url)
    monkeypatch.setattr(commands, "require_server", asked.append)
    monkeypatch.setattr(commands, "execute_from_command_line", lambda argv: None)
    commands.run(["manage.py", command])
    assert bool(asked) == asks


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ProgrammingError, UndefinedTable()),  # of a database that has all of its migrations
        (ProgrammingError, SyntaxErrorInSql()),
        (ProgrammingError, None),
        (OperationalError, LockNotAvailable()),
    ],
)
def test_what_else_fails_is_not_hidden(
    monkeypatch: MonkeyPatch, error: type[Exception], cause: Exception | None
) -> None:
    monkeypatch.setattr(commands, "lacks_migrations", lambda: False)
    with pytest.raises(error):
        fail(monkeypatch, error(), cause)


@pytest.mark.django_db
def test_the_tests_database_lacks_nothing() -> None:
    assert not commands.lacks_migrations()
    MigrationRecorder.Migration.objects.filter(app="embeddings").latest("id").delete()
    assert commands.lacks_migrations()
