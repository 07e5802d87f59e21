"""The gate that processes wait at which `serve` starts before their database is ready."""

import os
import select
from collections.abc import Callable

GATE = "EMBEDSITE_GATE"
"""The variable that names the file descriptor to wait at."""

TURN_S = 1.0


class Gate:
    """A pipe that nobody reads from: once it is opened, there is something in it for all who wait.

    They have both ends of it, or the death of `serve` would be an end that looks like an opening.
    """

    def __init__(self) -> None:
        self.descriptors = self._waited_at, self._opened_at = os.pipe()
        self.is_open = False

    @property
    def environment(self) -> dict[str, str]:
        """What a process that inherits the descriptors is told of them."""
        return {GATE: str(self._waited_at)}

    def open(self) -> None:
        """Let all pass who wait, and all who come later."""
        os.write(self._opened_at, b"!")
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
