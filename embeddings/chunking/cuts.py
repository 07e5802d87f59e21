"""Places where a text may be cut, and how bad that would be."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]

BETWEEN_LINES = 10_000_000
WITHIN_LINES = 20_000_000
BETWEEN_WORDS = 30_000_000
BETWEEN_TOKENS = BETWEEN_WORDS + 1
"""Levels of last resort. Below the first, and between the second and the third, is room for the
depths of a syntax tree."""

_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Cuts:
    """`at` int64, strictly ascending characters from the first word's beginning to the last one's
    end, none of them but the last at white space; `levels` int64, the lower the better the cut.
    """

    at: Places
    levels: Places


def make_cuts(text: str, starts: Places, *others: tuple[Places, Places | int]) -> Cuts:
    """Between words, tokens, which begin at `starts`, and at the other places with their levels;
    each place at its best level. Empty where there are no words.
    """
    words = np.array([match.span() for match in _WORD.finditer(text)], dtype=np.int64)
    begins, ends = words.reshape(-1, 2).T
    parts = [(begins, BETWEEN_WORDS), (ends[-1:], BETWEEN_WORDS), (starts, BETWEEN_TOKENS), *others]
    at = np.concatenate([places for places, _ in parts])
    levels = np.concatenate([np.broadcast_to(level, places.shape) for places, level in parts])
    within = np.searchsorted(begins, at, "right") > np.searchsorted(ends, at, "right")
    kept = within | (at == ends[-1:])
    order = np.lexsort((levels[kept], at[kept]))
    at, levels = at[kept][order], levels[kept][order]
    first = np.diff(at, prepend=-1) > 0
    return Cuts(at=at[first], levels=levels[first])
