"""Keeps the service's processes alive: starts them, restarts the dead ones, stops them in order."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

import structlog

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 30.0
# A process that lived this long has started well: its next death is a new story.
SETTLED_S = 60.0
POLL_S = 0.1
STOP_TIMEOUT_S = 40.0
PR_SET_PDEATHSIG = 1
# Loaded here: between fork and exec only what is safe there may run.
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None

log = structlog.stdlib.get_logger("embedsite.serve")


class ServeError(Exception):
    """The service cannot run; the message says why."""


def die_with_parent() -> None:
    """Runs in the new process: has the kernel end it when the supervisor is gone."""
    if LIBC:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Child:
    """One process that is to run always.

    With `last_s`, others depend on it: it is stopped after them, so many seconds before the end.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    last_s: float = 0.0
    inherited: Sequence[int] = ()
    """File descriptors that it shares."""
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    delay: float = FIRST_DELAY_S
    due: float = field(default_factory=time.monotonic)

    def start(self) -> None:
        # A group of its own: Ctrl-C reaches the supervisor alone, which then stops all in order.
        self.process = subprocess.Popen(
            self.command,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            process_group=0,
            pass_fds=self.inherited,
            # One C call, at a time when no thread of ours runs.
            preexec_fn=die_with_parent,
        )
        self.started = time.monotonic()

    def tend(self) -> int | None:
        """Start it when that is due; its exit status when it has just died."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.due:
                self.start()
            return None
        status = self.process.poll()
        if status is None:
            return None
        if now - self.started > SETTLED_S:
            self.delay = FIRST_DELAY_S
        log.error("process_died", process=self.name, status=status, restart_in_s=self.delay)
        self.process = None
        self.due = now + self.delay
        self.delay = min(self.delay * 2, LONGEST_DELAY_S)
        return status

    def signal(self, number: signal.Signals) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)


class Supervisor:
    """Runs children until SIGTERM or SIGINT; a second signal means at once."""

    def __init__(self, children: Sequence[Child]) -> None:
        self.children = children
        # No Event: a signal that comes while its lock is held would wait for that for ever.
        self.stopping = False
        self.impatient = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.on_signal)

    def on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.impatient |= self.stopping
        self.stopping = True

    def start_due(self) -> None:
        """Start the children that are due, before they are tended."""
        for child in self.children:
            child.tend()

    def run(
        self, *, on_death: Callable[[Child, int], None], every_turn: Callable[[], None]
    ) -> None:
        """Tend the children until told to stop."""
        while not self.stopping:
            for child in self.children:
                status = child.tend()
                if status is not None:
                    on_death(child, status)
            every_turn()
            time.sleep(POLL_S)

    def stop(self, *, at_once: bool = False) -> None:
        """Ask every child to finish its work; end those that don't in time."""
        self.impatient |= at_once
        deadline = time.monotonic() + STOP_TIMEOUT_S
        last = [child for child in self.children if child.last_s]
        first = [child for child in self.children if not child.last_s]
        self.finish(first, until=deadline - max((child.last_s for child in last), default=0.0))
        self.finish(last, until=deadline)
        for child in self.children:
            if child.process:
                end_group(child.process)

    def finish(self, children: Sequence[Child], *, until: float) -> None:
        """Ask them, and wait for them; not when we are told a second time."""
        for child in children:
            child.signal(signal.SIGTERM)
        running = [child.process for child in children if child.process]
        while any(process.poll() is None for process in running):
            if self.impatient or time.monotonic() > until:
                return
            time.sleep(POLL_S / 2)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a child with what it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
