"""What a credential leaves of its user's rights, and what of that it can hand on."""

import ipaddress
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from accounts.exceptions import ExceedsCredential, InvalidNetwork
from accounts.policy import Action

Item = TypeVar("Item")
Bound = TypeVar("Bound", int, datetime)


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """Each part narrows where it is not None. `row_filter` is a metadata filter in JSON."""

    scopes: frozenset[Action] | None = None
    collections: frozenset[uuid.UUID] | None = None
    row_filter: dict[str, Any] | None = None
    networks: tuple[str, ...] | None = None
    expires_at: datetime | None = None
    requests_per_minute: int | None = None
    tokens_per_day: int | None = None
    tokens_per_month: int | None = None

    def within(self, outer: "Narrowing") -> "Narrowing":
        """This, narrowed by the outer one besides; what is None here is as there. Raises
        ExceedsCredential for what goes beyond it.
        """
        requests = _at_most(
            "requests_per_minute", self.requests_per_minute, outer.requests_per_minute
        )
        return Narrowing(
            scopes=_among("scopes", self.scopes, outer.scopes),
            collections=_among("collections", self.collections, outer.collections),
            row_filter=both_filters(outer.row_filter, self.row_filter),
            networks=_inside(self.networks, outer.networks),
            expires_at=_at_most("expires_at", self.expires_at, outer.expires_at),
            requests_per_minute=requests,
            tokens_per_day=_at_most("tokens_per_day", self.tokens_per_day, outer.tokens_per_day),
            tokens_per_month=_at_most(
                "tokens_per_month", self.tokens_per_month, outer.tokens_per_month
            ),
        )


def both_filters(
    outer: dict[str, Any] | None, inner: dict[str, Any] | None
) -> dict[str, Any] | None:
    """The filter of what both let through, without nesting deeper each time."""
    if outer is None or inner is None:
        return inner if outer is None else outer
    parts = _parts(inner)
    # By their spelling: Python takes true for 1, a filter doesn't.
    there = {_spelled(part) for part in parts}
    missing = [part for part in _parts(outer) if _spelled(part) not in there]
    return {"$and": [*missing, *parts]} if missing else inner


def parse_networks(networks: Iterable[str]) -> tuple[str, ...]:
    """The networks as `ipaddress` spells them. Raises InvalidNetwork."""
    return tuple(str(_network(text, index)) for index, text in enumerate(networks))


def _network(text: str, index: int) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise InvalidNetwork(param=f"networks.{index}") from None


def _parts(row_filter: dict[str, Any]) -> list[dict[str, Any]]:
    return list(row_filter["$and"]) if set(row_filter) == {"$and"} else [row_filter]


def _spelled(part: dict[str, Any]) -> str:
    return json.dumps(part, sort_keys=True)


def _among(
    param: str, inner: frozenset[Item] | None, outer: frozenset[Item] | None
) -> frozenset[Item] | None:
    if outer is None or inner is None:
        return inner if outer is None else outer
    if not inner <= outer:
        raise ExceedsCredential(param=param)
    return inner


def _inside(inner: tuple[str, ...] | None, outer: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if outer is None or inner is None:
        return inner if outer is None else outer
    around: list[Any] = [ipaddress.ip_network(text) for text in outer]
    for network in map(ipaddress.ip_network, inner):
        same = [other for other in around if other.version == network.version]
        if not any(network.subnet_of(other) for other in same):
            raise ExceedsCredential(param="networks")
    return inner


def _at_most(param: str, inner: Bound | None, outer: Bound | None) -> Bound | None:
    if outer is None or inner is None:
        return inner if outer is None else outer
    if inner > outer:
        raise ExceedsCredential(param=param)
    return inner
