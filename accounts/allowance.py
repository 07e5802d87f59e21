"""How much an account may ask for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allowance:
    """`account` is `user:7`, `team:3` or `token:12`; a limit that is None is none, and 0 allows
    nothing.
    """

    account: str
    requests_per_minute: int | None = None
    tokens_per_day: int | None = None
    tokens_per_month: int | None = None

    @property
    def kind(self) -> str:
        """`user`, `team` or `token`."""
        return self.account.partition(":")[0]
