"""Batches by token budget: nothing lost, nothing over, longest first."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from embeddings.engine.batching import (
    MIN_SHARE_TOKENS,
    best_companions,
    cut_batches,
    pad,
    share_budget,
)

lengths_of_texts = st.lists(st.integers(min_value=1, max_value=600), max_size=200)
budgets = st.integers(min_value=1, max_value=2000)


def test_it_works() -> None:
    batches = cut_batches([3, 9, 4, 1], budget=12)

    assert [rows.tolist() for rows in batches] == [[1], [2, 0, 3]]


@given(lengths=lengths_of_texts, budget=budgets)
def test_every_text_is_in_exactly_one_batch(lengths: list[int], budget: int) -> None:
    batches = cut_batches(lengths, budget=budget)

    rows = sorted(int(row) for batch in batches for row in batch)
    assert rows == list(range(len(lengths)))


@given(lengths=lengths_of_texts, budget=budgets)
def test_a_batch_with_its_padding_keeps_to_the_budget(lengths: list[int], budget: int) -> None:
    for batch in cut_batches(lengths, budget=budget):
        widest = max(lengths[row] for row in batch)
        assert len(batch) * widest <= budget or len(batch) == 1


@given(lengths=lengths_of_texts, budget=budgets)
def test_no_batch_could_have_taken_the_next_text(lengths: list[int], budget: int) -> None:
    batches = cut_batches(lengths, budget=budget)

    for batch in batches[:-1]:
        assert (len(batch) + 1) * lengths[batch[0]] > budget


@given(lengths=lengths_of_texts, budget=budgets)
def test_longest_come_first(lengths: list[int], budget: int) -> None:
    in_order = [lengths[row] for batch in cut_batches(lengths, budget=budget) for row in batch]

    assert in_order == sorted(lengths, reverse=True)


def test_no_texts_make_no_batches() -> None:
    assert cut_batches([], budget=100) == []


@given(
    total=st.integers(min_value=0, max_value=100_000),
    streams=st.integers(min_value=1, max_value=16),
    budget=budgets,
)
def test_the_share_never_exceeds_the_budget_nor_starves_a_batch(
    total: int, streams: int, budget: int
) -> None:
    share = share_budget(total_tokens=total, streams=streams, budget=budget)

    assert share <= budget
    assert share >= min(budget, MIN_SHARE_TOKENS)
    assert share == budget or share * streams >= total


def test_a_small_request_is_split_over_the_streams() -> None:
    assert share_budget(total_tokens=640, streams=2, budget=512) == 320


def test_padding_is_masked() -> None:
    ids, mask = pad([[5, 6, 7], [8]], pad_id=1)

    np.testing.assert_array_equal(ids, [[5, 6, 7], [8, 1, 1]])
    np.testing.assert_array_equal(mask, [[1, 1, 1], [1, 0, 0]])
    assert ids.dtype == mask.dtype == np.int64


def test_companions_are_the_nearest_in_length() -> None:
    lengths = [3, 10, 18, 20, 21, 40]

    assert best_companions(lengths, 3, budget=1000, padding=6) == (2, 5)
    assert best_companions(lengths, 3, budget=1000, padding=1000) == (0, 6)
    assert best_companions(lengths, 3, budget=42, padding=6) == (3, 5)
    assert best_companions(lengths, 5, budget=1000, padding=6) == (5, 6)
    assert best_companions([900], 0, budget=100, padding=6) == (0, 1)


@given(
    lengths=lengths_of_texts.filter(len),
    leader=st.integers(min_value=0, max_value=199),
    budget=budgets,
    padding=st.integers(min_value=0, max_value=300),
)
def test_companions_keep_to_the_budget_and_the_padding(
    lengths: list[int], leader: int, budget: int, padding: int
) -> None:
    lengths = sorted(lengths)
    leader %= len(lengths)

    first, last = best_companions(lengths, leader, budget=budget, padding=padding)

    assert first <= leader < last
    batch = lengths[first:last]
    padded = max(batch) * len(batch)
    assert len(batch) == 1 or (padded <= budget and padded - sum(batch) <= padding)
