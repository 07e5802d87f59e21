"""Commands that can be cut off and say how to go on."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from django.core.management.base import CommandError


@contextmanager
def interruptible(message: str = "Interrupted; the same command goes on.") -> Iterator[None]:
    """Ctrl-C and SIGTERM end the block with a KeyboardInterrupt, and it raises CommandError; the
    command then ends with what a shell reports of the signal, 130 or 143.
    """
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    except KeyboardInterrupt as interrupt:
        number = interrupt.args[0] if interrupt.args else signal.SIGINT
        raise CommandError(message, returncode=128 + number) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, _: FrameType | None) -> None:
    raise KeyboardInterrupt(number)
