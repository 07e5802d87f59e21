"""Cuts texts into batches by token budget, longest first, so that little padding is computed."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MIN_SHARE_TOKENS = 128
"""A batch is not split over idle streams below this size: the fixed cost of a run, about 3 ms with
MiniLM on the development machine, would outweigh the gain."""


def share_budget(*, total_tokens: int, streams: int, budget: int) -> int:
    """The budget, lowered so that a small request keeps every stream busy."""
    share = -(-total_tokens // streams)
    return min(budget, max(share, MIN_SHARE_TOKENS))


def cut_batches(lengths: Sequence[int], *, budget: int) -> list[NDArray[np.intp]]:
    """Positions of the texts, batch by batch, longest first.

    A batch holds at most `budget` tokens, padding included; a text longer than that is a batch of
    its own.
    """
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable")
    batches = []
    start = 0
    while start < len(order):
        width = lengths[order[start]]
        rows = max(1, budget // max(width, 1))
        batches.append(order[start : start + rows])
        start += rows
    return batches


def best_companions(
    lengths: Sequence[int], leader: int, *, budget: int, padding: int
) -> tuple[int, int]:
    """The range of the ascending lengths, `leader` in it, that makes a batch of at most `budget`
    tokens with at most `padding` tokens of padding among them.

    The neighbour that adds less padding joins first. What pads more than that is better off in a
    run of its own.
    """
    first, last = leader, leader + 1
    padded = 0
    while True:
        width, rows = lengths[last - 1], last - first
        below = width - lengths[first - 1] if first else None
        above = rows * (lengths[last] - width) if last < len(lengths) else None
        if above is not None and (rows + 1) * lengths[last] > budget:
            above = None
        if below is not None and (rows + 1) * width > budget:
            below = None
        added = min((each for each in (below, above) if each is not None), default=None)
        if added is None or padded + added > padding:
            return first, last
        padded += added
        if added == below:
            first -= 1
        else:
            last += 1


def pad(
    token_ids: Sequence[Sequence[int]], *, pad_id: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The ids side by side, filled up on the right, and the mask of the real ones; both int64
    `(n, longest)`.
    """
    width = max(len(ids) for ids in token_ids)
    padded = np.full((len(token_ids), width), pad_id, dtype=np.int64)
    mask = np.zeros((len(token_ids), width), dtype=np.int64)
    for row, ids in enumerate(token_ids):
        padded[row, : len(ids)] = ids
        mask[row, : len(ids)] = 1
    return padded, mask
