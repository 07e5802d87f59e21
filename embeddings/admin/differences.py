"""What an act changed, side by side."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Difference:
    """A value before and after, as JSON; None where there was none."""

    name: str
    before: str | None
    after: str | None

    @property
    def is_change(self) -> bool:
        """Whether it is another value now."""
        return self.before != self.after


def differences(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> list[Difference]:
    """All values of both: what was changed first, then what stayed."""
    old, new = before or {}, after or {}
    found = [Difference(name, _json(old, name), _json(new, name)) for name in {**old, **new}]
    return sorted(found, key=lambda each: not each.is_change)


def _json(values: Mapping[str, Any], name: str) -> str | None:
    if name not in values:
        return None
    return json.dumps(values[name], indent=2, ensure_ascii=False)
