"""What every reader yields: numbered rows, readable or not."""

from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the input. `number` counts from 1; `fault` says why it can't be read."""

    number: int
    raw: Any = None
    fault: str | None = None


def parse_line(number: int, line: bytes) -> Row | None:
    """The row on a line of JSON; None for a blank line."""
    if not line.strip():
        return None
    try:
        return Row(number, raw=orjson.loads(line))
    except orjson.JSONDecodeError as error:
        return Row(number, fault=f"The line is not valid JSON; see character {error.pos + 1}.")
