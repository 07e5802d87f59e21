"""Chunks out of cuts: each as long as allowed, ended at the best cut within reach."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from embeddings.chunking.cuts import Cuts
from embeddings.types.chunking import Chunking


def pack(
    text: str,
    *,
    cuts: Cuts,
    starts: NDArray[np.int64],
    chunking: Chunking,
    slack: int,
    count: Callable[[str], int],
) -> list[tuple[int, int]]:
    """Spans of at most `chunking.size` tokens as `count` counts them, without white space at their
    ends; each gives up at most `slack` of its tokens for a better cut. `starts` is the character
    where each token begins, ascending.
    """
    before = np.searchsorted(starts, cuts.at)  # tokens before each cut
    spans: list[tuple[int, int]] = []
    first, end = 0, len(cuts.at) - 1
    while first < end:
        room = chunking.size
        while True:
            last = _last(cuts, before, first, room=room, slack=slack)
            start = int(cuts.at[first])
            part = text[start : int(cuts.at[last])].rstrip()
            # A part may read as more tokens than it had within the whole.
            excess = count(part) - chunking.size
            if excess <= 0 or last == first + 1:
                break
            room = min(room - excess, int(before[last] - before[first]) - 1)
        spans.append((start, start + len(part)))
        if last == end:
            break
        first = _next(cuts, before, first, last, overlap=chunking.overlap)
    return spans


def _last(cuts: Cuts, before: NDArray[np.int64], first: int, *, room: int, slack: int) -> int:
    """The cut that ends the chunk; the last one of its level."""
    most = before[first] + room
    furthest = max(first + 1, int(np.searchsorted(before, most, side="right")) - 1)
    if furthest == len(cuts.at) - 1:
        return furthest
    nearest = max(first + 1, int(np.searchsorted(before, most - slack)))
    levels = cuts.levels[min(nearest, furthest) : furthest + 1]
    return furthest - int(np.argmin(levels[::-1]))


def _next(cuts: Cuts, before: NDArray[np.int64], first: int, last: int, *, overlap: int) -> int:
    """The cut that begins the next chunk; the first one of its level."""
    if not overlap:
        return last
    earliest = max(first + 1, int(np.searchsorted(before, before[last] - overlap)))
    return earliest + int(np.argmin(cuts.levels[earliest : last + 1])) if earliest < last else last
