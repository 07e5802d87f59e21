"""What the ways to the nearest documents cost, by what is known of a search: pure arithmetic."""

import math
from dataclasses import dataclass, replace

from embeddings.constants import MAX_EF_SEARCH, IndexStorage
from embeddings.store.search import Scan

# Milliseconds, as `manage.py benchmark search --calibrate` measured them on 180,000 texts in the
# 384 dimensions of all-MiniLM-L6-v2. Only their ratios matter.
FIND_MS = 0.0010
"""To find a document that the filter lets through, where an index serves the filter."""
CHECK_MS = 0.0004
"""To check a document's metadata, where none does."""
LOOK_UP_MS = 0.0023
"""To fetch the chunks of a document that was found, and their distance."""
READ_MS = 0.0005
"""To read a chunk, where all are read, and its distance."""
VISIT_MS = 0.0100
"""To reach a chunk through the HNSW index, and its document where there is a filter."""

BASE_VISITS = 160
REACH = 1.6
"""At most so many entries of the index are visited first, and then so many times the rank of the
last hit wanted among all vectors. A scan ends sooner, with candidates enough.
"""

BASE_EF = 100
EF_BY_ROOT = 25
"""So great is `ef_search`, and then so many times the root of that rank: the index gives the
farther ones of its candidates less reliably. In 60,000 and 180,000 texts (`ef_construction` 128)
this found, of the nearest 10 and of the nearest 100, 1.0 and 0.995 without a filter, 0.997 and
0.985 under one of 30 %, and 0.99 and 0.976 under one of 10 %.
"""

SPARE = 5
"""Candidates, and a tenth more than hits: half precision may swap neighbours."""

FAR_REACH = 5
"""The same where matches are rarer near the query than elsewhere: with 1.3 it found 0.90 of 10."""

FEWER = 0.5
"""Of the candidates expected. Still fewer mean that matches are rarer near the query than
elsewhere, and the nearest are farther than was searched: 0.78 of 10 were found."""

DEEP = 400
"""Hits. Fewer come from the index where there is no filter, whatever the size."""

OVERSAMPLED = {IndexStorage.HALFVEC: 1, IndexStorage.VECTOR: 1, IndexStorage.BIT: 4}
"""Signs alone order coarsely."""

MAX_VISITS = 200_000
"""Of one scan, which takes seconds then."""

MIN_BOUND = 2_000
"""Fewer matches than this are no reason to turn to the index."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a search has before it: so many of so many documents, of which the filter lets a share
    through, in 0…1 and not 0, which an index on the metadata helps to find or none. `crowding` is
    how many of the nearest chunks may be one document's, `near_share` the share near the query,
    where it is known.
    """

    depth: int
    documents: int
    has_index: bool
    share: float = 1.0
    filtered: bool = False
    found_by_index: bool = False
    storage: IndexStorage = IndexStorage.HALFVEC
    crowding: int = 1
    near_share: float | None = None
    ef_search: int | None = None
    usual_ef_search: int = 0
    max_candidates: int | None = None

    @property
    def reads_all(self) -> bool:
        """Whether an exact search reads all chunks rather than look the matches up."""
        return self.documents * READ_MS < self.documents * self.share * LOOK_UP_MS

    @property
    def exact_ms(self) -> float:
        """Of an exact search."""
        matches = self.documents * self.share
        found = matches * FIND_MS if self.found_by_index else self.documents * CHECK_MS
        compared = min(self.documents * READ_MS, matches * LOOK_UP_MS)
        return found + compared if self.filtered else self.documents * READ_MS

    @property
    def bound(self) -> int | None:
        """From how many matches on, the index is sooner there after all, where they were expected
        to be fewer: twice as many as make both equal.
        """
        if not self.has_index or not self.filtered or self.reads_all:
            return None
        equal = VISIT_MS * REACH * self.depth * self.documents / (FIND_MS + LOOK_UP_MS)
        return max(MIN_BOUND, 2 * math.isqrt(int(equal)))

    def scan(self) -> Scan | None:
        """Of the index; None where an exact search is sooner done. Whoever gives `ef_search` wants
        the index, and whoever filters nothing is served by it unless they want very much.
        """
        if not self.has_index:
            return None
        visits = self._visits
        plain = not self.filtered and self.depth * self.crowding <= DEEP
        preferred = self.near_share is None and (self.ef_search or plain)
        if visits > MAX_VISITS or (not preferred and visits * VISIT_MS >= self.exact_ms):
            return None
        entries = math.ceil(visits) if self.filtered else self._candidates
        entries = min(entries, self.max_candidates or MAX_VISITS)
        ef_search = self.ef_search or self.usual_ef_search or min(self._reach, MAX_EF_SEARCH)
        return Scan(
            ef_search=ef_search,
            entries=entries,
            enough=self._enough(entries),
            in_one_step=ef_search >= self._reach or self.near_share is not None,
        )

    def is_thin(self, scan: Scan, candidates: int) -> bool:
        """Whether the filter let through far fewer of the entries than were expected."""
        expected = scan.entries * (self.near_share or self.share)
        return self.filtered and candidates < FEWER * expected

    def further(self, scan: Scan, candidates: int) -> "Prospect":
        """What is before a search whose scan led to too few matches."""
        near_share = (candidates + 0.5) / (scan.entries + 1)
        return replace(self, near_share=near_share, has_index=self.max_candidates is None)

    @property
    def _wanted(self) -> int:
        return self.depth * self.crowding * OVERSAMPLED[self.storage]

    @property
    def _visits(self) -> float:
        if self.near_share is not None:
            return BASE_VISITS + FAR_REACH * self._wanted / self.near_share
        return BASE_VISITS + REACH * self._wanted / self.share

    @property
    def _reach(self) -> int:
        """Of `ef_search`, so that one step goes far enough; more than there is for several."""
        if self.near_share is not None:
            return math.ceil(self._visits / math.ceil(self._visits / MAX_EF_SEARCH))
        return math.ceil(BASE_EF + EF_BY_ROOT * math.sqrt(self._wanted / self.share))

    @property
    def _candidates(self) -> int:
        return self._wanted + self._wanted // 10 + SPARE

    def _enough(self, entries: int) -> int | None:
        """So many candidates that no more are needed, and that matches are not rare here."""
        if not self.filtered or self.near_share is not None:
            return None
        return max(self._candidates, math.ceil(FEWER * entries * self.share))
