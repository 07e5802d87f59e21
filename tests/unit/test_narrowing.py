"""What one credential leaves another: never more than it has itself."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.exceptions import ExceedsCredential, InvalidNetwork
from accounts.narrowing import Narrowing, both_filters, parse_networks
from accounts.policy import Action

DAY = datetime(2026, 11, 23, tzinfo=UTC)
ONE, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
OUTER: dict[str, Any] = {
    "scopes": frozenset({Action.READ, Action.SEARCH}),
    "collections": frozenset({ONE}),
    "networks": ("10.0.0.0/8", "2001:db8::/32"),
    "expires_at": DAY,
    "requests_per_minute": 60,
    "tokens_per_day": 1_000,
    "tokens_per_month": 10_000,
}
NARROWER: dict[str, Any] = {
    "scopes": frozenset({Action.SEARCH}),
    "collections": frozenset(),
    "networks": ("10.1.0.0/16", "2001:db8::1/128"),
    "expires_at": DAY - timedelta(seconds=1),
    "requests_per_minute": 60,
    "tokens_per_day": 0,
    "tokens_per_month": 1,
}
WIDER: dict[str, Any] = {
    "scopes": frozenset({Action.SEARCH, Action.WRITE}),
    "collections": frozenset({ONE, OTHER}),
    "networks": ("10.0.0.0/8", "0.0.0.0/0"),
    "expires_at": DAY + timedelta(microseconds=1),
    "requests_per_minute": 61,
    "tokens_per_day": 1_001,
    "tokens_per_month": 10_001,
}


def test_it_works() -> None:
    outer, inner = Narrowing(**OUTER), Narrowing(**NARROWER)
    assert inner.within(outer) == inner
    assert inner.within(Narrowing()) == inner
    assert Narrowing().within(outer) == outer


@pytest.mark.parametrize("part", OUTER)
def test_nothing_goes_beyond(part: str) -> None:
    outer = Narrowing(**OUTER)
    with pytest.raises(ExceedsCredential) as raised:
        Narrowing(**{part: WIDER[part]}).within(outer)
    assert raised.value.param == part
    for mine in (OUTER[part], NARROWER[part]):
        assert getattr(Narrowing(**{part: mine}).within(outer), part) == mine


@pytest.mark.parametrize(
    ("outer", "inner", "both"),
    [
        (None, None, None),
        ({"a": 1}, None, {"a": 1}),
        (None, {"b": 2}, {"b": 2}),
        ({"a": 1}, {"b": 2}, {"$and": [{"a": 1}, {"b": 2}]}),
        ({"a": 1}, {"a": 1}, {"a": 1}),
        ({"$and": [{"a": 1}, {"b": 2}]}, {"c": 3}, {"$and": [{"a": 1}, {"b": 2}, {"c": 3}]}),
        ({"a": 1}, {"$and": [{"a": 1}, {"b": 2}]}, {"$and": [{"a": 1}, {"b": 2}]}),
        ({"a": True}, {"a": 1}, {"$and": [{"a": True}, {"a": 1}]}),
        ({"a": 1}, {"a": 1.0}, {"$and": [{"a": 1}, {"a": 1.0}]}),
        ({"b": 2}, {"$and": [{"a": 1}, {"b": 2}]}, {"$and": [{"a": 1}, {"b": 2}]}),
        ({"$or": [{"a": 1}]}, {"b": 2}, {"$and": [{"$or": [{"a": 1}]}, {"b": 2}]}),
    ],
)
def test_filters_add_up(outer: Any, inner: Any, both: Any) -> None:
    assert both_filters(outer, inner) == both


def test_a_filter_is_not_changed_by_adding_to_it() -> None:
    outer = {"$and": [{"a": 1}]}
    both_filters(outer, {"b": 2})
    assert outer == {"$and": [{"a": 1}]}


def test_networks() -> None:
    assert parse_networks(["10.0.0.0/8", "192.0.2.7", "2001:DB8::/32"]) == (
        "10.0.0.0/8",
        "192.0.2.7/32",
        "2001:db8::/32",
    )


@pytest.mark.parametrize("text", ["", "10.0.0.1/8", "10.0.0.0/33", "everywhere", "1"])
def test_what_is_no_network(text: str) -> None:
    with pytest.raises(InvalidNetwork) as raised:
        parse_networks(["10.0.0.0/8", text])
    assert raised.value.param == "networks.1"


def narrowings() -> st.SearchStrategy[Narrowing]:
    numbers = st.none() | st.integers(0, 3)
    networks = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3/32", "0.0.0.0/0", "2001:db8::/32", "::/0"]
    return st.builds(
        Narrowing,
        scopes=st.none() | st.frozensets(st.sampled_from(list(Action)), max_size=3),
        collections=st.none() | st.frozensets(st.sampled_from([ONE, OTHER])),
        row_filter=st.none()
        | st.dictionaries(st.sampled_from("abc"), st.sampled_from([1, True]), min_size=1),
        networks=st.none() | st.lists(st.sampled_from(networks), min_size=1).map(tuple),
        expires_at=st.none() | st.integers(0, 3).map(lambda days: DAY + timedelta(days=days)),
        requests_per_minute=numbers,
        tokens_per_day=numbers,
        tokens_per_month=numbers,
    )


@given(narrowings(), narrowings(), narrowings())
def test_no_chain_of_tokens_leads_out(
    first: Narrowing, second: Narrowing, third: Narrowing
) -> None:
    """What the last one has lies within the first, whoever stands between them."""
    try:
        inner = third.within(second.within(first))
    except ExceedsCredential:
        return
    for outer in (first, second):
        assert inner.within(outer) == inner
        for part in Narrowing.__slots__:
            assert getattr(outer, part) is None or getattr(inner, part) is not None
