"""On whose account the present work goes: bound where a request or a job begins."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from accounts.allowance import Allowance


@dataclass(slots=True)
class Payer:
    """The accounts, with what limits them; `compute_ms` is what models have worked for them and
    nobody has put on record yet.
    """

    user_id: int
    team_id: int | None = None
    token_id: int | None = None
    allowances: tuple[Allowance, ...] = ()
    compute_ms: float = 0.0

    def take_compute(self) -> float:
        """The milliseconds, once: they are on record from now on."""
        taken, self.compute_ms = self.compute_ms, 0.0
        return taken


_payer: ContextVar[Payer | None] = ContextVar("payer", default=None)


def current_payer() -> Payer | None:
    """Whoever pays for what this thread does now; None for the service itself."""
    return _payer.get()


def bind_payer(payer: Payer | None) -> None:
    """From now on this one pays, until another is bound; the thread serves others next."""
    _payer.set(payer)


@contextmanager
def paying(payer: Payer | None) -> Iterator[None]:
    """Inside, this one pays."""
    token = _payer.set(payer)
    try:
        yield
    finally:
        _payer.reset(token)
