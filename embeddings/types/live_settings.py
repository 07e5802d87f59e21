"""An option that can change without a restart, as people see it."""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class LiveOption:
    """`value` is what this process goes by, from `source`: `live`, `default` or where it was
    configured. `refused` says why what is set live does not count; None where it does, or nothing
    is set.
    """

    name: str
    group: str
    help: str
    shape: Literal["whole", "number", "choice", "list"]
    value: Any
    source: str
    configured: Any
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    is_set: bool
    is_locked: bool
    refused: str | None

    @property
    def about(self) -> str:
        """The help, for those who read no Markdown."""
        return self.help.replace("`", "")
