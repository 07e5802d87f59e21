"""Anchors as lines of JSON: what is kept outside the database, to hold the audit against."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any

from accounts.services.audit_chain import Anchor


class UnreadableAnchor(Exception):
    """A line of the file is no anchor; the message says which."""


def as_json(anchor: Anchor) -> dict[str, Any]:
    """The anchor, and the time of its making."""
    return {
        "at": datetime.now(UTC).isoformat(),
        "day": anchor.day.isoformat(),
        "position": anchor.position,
        "hash": anchor.hash.hex(),
        "ordinal": anchor.ordinal,
        "days_hash": anchor.days_hash.hex(),
    }


def read_anchors(lines: Iterable[str]) -> Iterator[Anchor]:
    """The anchors in the lines, blank ones apart. Raises UnreadableAnchor."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
            yield Anchor(
                day=date.fromisoformat(values["day"]),
                position=int(values["position"]),
                hash=bytes.fromhex(values["hash"]),
                ordinal=int(values["ordinal"]),
                days_hash=bytes.fromhex(values["days_hash"]),
            )
        except (ValueError, KeyError, TypeError):
            raise UnreadableAnchor(f"line {number} is no anchor") from None
