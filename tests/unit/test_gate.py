"""The gate that processes wait at until the database is ready."""

import pytest

from embedsite import gate
from embedsite.gate import Gate, passes


@pytest.fixture
def shut(monkeypatch: pytest.MonkeyPatch) -> Gate:
    made = Gate()
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(gate, "TURN_S", 0.01)
    return made


def test_it_works(shut: Gate) -> None:
    turns = iter([True, True, True, False])
    assert not passes(lambda: next(turns))
    shut.open()
    assert passes(lambda: True)
    assert passes(lambda: True)  # who comes later, as after a crash, too


@pytest.mark.usefixtures("shut")
def test_it_opens_for_nobody_else() -> None:
    assert not passes(iter([True, False]).__next__)


def test_a_process_of_its_own_finds_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(gate.GATE, raising=False)
    assert passes(lambda: False)
