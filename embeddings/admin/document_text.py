"""A document's text in pieces, each with the chunks that it belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from embeddings.chunking import Span

SHOWN_CHARS = 200_000
"""Of a longer text the page shows the beginning."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the text that is in all of these chunks, named by their ordinals; `begins` are
    those of them that begin with it.
    """

    text: str
    chunks: tuple[int, ...]
    begins: tuple[int, ...]

    @property
    def is_odd(self) -> bool:
        """For telling neighbours apart."""
        return bool(self.chunks) and self.chunks[0] % 2 == 1


def pieces(text: str, spans: Sequence[Span]) -> list[Piece]:
    """The text, cut where a chunk begins or ends. Chunks are in their order, and overlap with
    their neighbours alone.
    """
    shown = text[:SHOWN_CHARS]
    edges = {edge for span in spans for edge in span if edge < len(shown)}
    cuts = sorted({0, len(shown)} | edges)
    found: list[Piece] = []
    first = 0
    for start, end in pairwise(cuts):
        while first < len(spans) and spans[first][1] <= start:
            first += 1
        inside = []
        for ordinal in range(first, len(spans)):
            if spans[ordinal][0] > start:
                break
            if spans[ordinal][1] > start:
                inside.append(ordinal)
        begins = tuple(ordinal for ordinal in inside if spans[ordinal][0] == start)
        found.append(Piece(shown[start:end], tuple(inside), begins))
    return found
