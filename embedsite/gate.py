"""The gate that processes wait at which `serve` starts before their database is ready."""

import os
import select
from collections.abc import Callable

GATE = "EMBEDSITE_GATE"
"""The variable that names the file descriptor to wait at."""

TURN_S = 1.0


class Gate:
    """A pipe that nobody writes to: it is at its end, for all who read, once it is opened."""

    def __init__(self) -> None:
        self.descriptor, self._shut = os.pipe()
        self.is_open = False

    @property
    def environment(self) -> dict[str, str]:
        """What a process that inherits the descriptor is told of it."""
        return {GATE: str(self.descriptor)}

    def open(self) -> None:
        """Let all pass who wait, and all who come later."""
        os.close(self._shut)
        self.is_open = True


def passes(every_turn: Callable[[], bool]) -> bool:
    """Wait for the gate to be open: true then, or false once `every_turn`, asked every second,
    says to wait no more. A process that `serve` did not start finds no gate.
    """
    descriptor = os.environ.get(GATE)
    if descriptor is None:
        return True
    while every_turn():
        if select.select([int(descriptor)], [], [], TURN_S)[0]:
            return True
    return False
