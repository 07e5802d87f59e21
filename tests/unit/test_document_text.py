"""The pieces in which the console shows a text."""

import pytest

from embeddings.admin import document_text
from embeddings.admin.document_text import Piece, pieces


def test_one_chunk() -> None:
    assert pieces("abc", [(0, 3)]) == [Piece("abc", (0,), (0,))]


def test_gaps_and_overlaps() -> None:
    assert pieces("abcdefgh", [(1, 4), (3, 6), (6, 7)]) == [
        Piece("a", (), ()),
        Piece("bc", (0,), (0,)),
        Piece("d", (0, 1), (1,)),
        Piece("ef", (1,), ()),
        Piece("g", (2,), (2,)),
        Piece("h", (), ()),
    ]


def test_without_chunks() -> None:
    assert pieces("abc", []) == [Piece("abc", (), ())]


def test_all_of_the_text_is_shown_once() -> None:
    text = "".join(chr(97 + at % 26) for at in range(1_000))
    spans = [(at, min(at + 70, 1_000)) for at in range(0, 1_000, 50)]
    shown = pieces(text, spans)
    assert "".join(piece.text for piece in shown) == text
    assert [number for piece in shown for number in piece.begins] == list(range(len(spans)))
    for ordinal, (start, end) in enumerate(spans):
        inside = "".join(piece.text for piece in shown if ordinal in piece.chunks)
        assert inside == text[start:end]


def test_the_end_of_a_long_text_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_text, "SHOWN_CHARS", 4)
    assert pieces("abcdefgh", [(0, 3), (3, 6), (6, 8)]) == [
        Piece("abc", (0,), (0,)),
        Piece("d", (1,), (1,)),
    ]


def test_neighbours_differ() -> None:
    assert [piece.is_odd for piece in pieces("abcd", [(0, 1), (1, 2), (2, 3)])] == [
        False,
        True,
        False,
        False,
    ]
