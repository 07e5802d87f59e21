"""Whoever runs a command is who acts in it."""

import getpass

import pytest
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
