"""The order in which the supervisor stops its processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedsite import supervisor
from embedsite.config import BASE_DIR
from embedsite.supervisor import Child, Supervisor

SCRIPT = """
trap 'sleep {takes}; echo {name} >> {file}; exit' TERM
touch {file}.{name}
while :; do sleep 0.02; done
"""

INTERRUPTED = """
import signal, sys
from embedsite.supervisor import Supervisor

def interrupt(*_):
    running.on_signal(signal.SIGTERM, None)
    return interrupt

running = Supervisor([])
running.run(on_death=print, every_turn=lambda: sys.settrace(interrupt))
"""


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def child(name: str, file: Path, *, takes: float = 0.0, last_s: float = 0.0) -> Child:
    script = SCRIPT.format(name=name, file=file, takes=takes)
    return Child(name, ["/bin/sh", "-c", script], dict(os.environ), last_s=last_s)


def run_and_stop(children: list[Child], file: Path, *, at_once: bool = False) -> None:
    """Until all have begun."""
    running = Supervisor(children)

    def stop_when_begun() -> None:
        if all(file.with_name(f"{file.name}.{child.name}").exists() for child in children):
            running.stopping = True

    running.run(on_death=lambda _child, _status: None, every_turn=stop_when_begun)
    running.stop(at_once=at_once)


def test_who_holds_the_models_is_stopped_after_those_it_serves(tmp_path: Path) -> None:
    file = tmp_path / "stopped"
    children = [
        child("engine", file, last_s=1),
        child("web", file, takes=0.5),
        child("worker", file, takes=0.2),
    ]
    run_and_stop(children, file)
    *first, last = file.read_text().split()
    assert (set(first), last) == ({"worker", "web"}, "engine")


def test_it_is_given_its_time_even_when_another_takes_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "STOP_TIMEOUT_S", 31.0)
    file = tmp_path / "stopped"
    children = [child("web", file, takes=0.2, last_s=30.0), child("worker", file, takes=120)]
    started = time.monotonic()
    run_and_stop(children, file)
    assert file.read_text().split() == ["web"]
    assert time.monotonic() - started < 60
    assert all(each.process and each.process.returncode is not None for each in children)


def test_a_signal_may_come_at_every_line_of_the_wait_between_turns() -> None:
    subprocess.run([sys.executable, "-c", INTERRUPTED], cwd=BASE_DIR, check=True, timeout=60)


def test_who_has_nothing_to_finish_is_not_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "stopped"
    children = [child("web", file, takes=120, last_s=30.0), child("engine", file, takes=120)]
    started = time.monotonic()
    run_and_stop(children, file, at_once=True)
    assert time.monotonic() - started < 20
    assert all(each.process and each.process.returncode is not None for each in children)
