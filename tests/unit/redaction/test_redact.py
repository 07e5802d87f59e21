"""Personal data in texts: what is found, what is let be, and that nothing leads back."""

import time
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.redaction import redact_text
from embeddings.redaction.redact import PATTERNS, Span, find_all
from tests.unit.redaction.labelled import HARD, SENTENCES, read

KINDS = tuple(PATTERNS)


def redacted(text: str) -> str:
    return redact_text(text, kinds=KINDS)


def test_it_works() -> None:
    text = "Ask jane@example.org, +49 30 901820, 192.0.2.1 or GB29NWBK60161331926819."
    assert redacted(text) == "Ask [EMAIL], [PHONE], [IP] or [IBAN]."
    assert redact_text(text, kinds=["ip"]) == text.replace("192.0.2.1", "[IP]")
    assert redact_text(text, kinds=[]) == text


def test_names_come_from_elsewhere() -> None:
    def finds(text: str) -> Iterator[Span]:
        for name in ("Jane", "EMAIL"):
            if (at := text.find(name)) >= 0:
                yield at, at + len(name)

    text = "Jane: jane@example.org"
    assert redact_text(text, kinds=["name", "email"], names=finds) == "[NAME]: [EMAIL]"
    assert redact_text(text, kinds=["email"], names=finds) == "Jane: [EMAIL]"


def test_precision_and_recall() -> None:
    """Of marks: one is found where just it is replaced, and by its kind."""
    marked, found, right = Counter[str](), Counter[str](), Counter[str]()
    for text, marks in map(read, SENTENCES + HARD):
        wanted = Counter(marks)
        spans = find_all(text, list(PATTERNS.items()))
        replaced = Counter((kind, text[start:end]) for start, end, kind in spans)
        for counter, counted in ((marked, wanted), (found, replaced), (right, wanted & replaced)):
            counter.update(kind for kind, _ in counted.elements())
    for kind in KINDS:
        precision, recall = right[kind] / found[kind], right[kind] / marked[kind]
        print(f"{kind}: {marked[kind]} marks, {precision=:.3f} {recall=:.3f}")  # noqa: T201  by -s
        assert precision >= 0.9, kind
        assert recall >= 0.9, kind


@pytest.mark.parametrize("sentence", SENTENCES)
def test_sentence(sentence: str) -> None:
    text, marks = read(sentence)
    expected = sentence
    for kind, word in marks:
        expected = expected.replace(f"<{kind}|{word}>", f"[{kind.upper()}]")
    assert redacted(text) == expected


PIECES = [*"0123456789+-./:()[]@ \n", "jane@example.org", "tel ", "+49 30 ", "DE89", "4111 1111"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.text(max_size=200))
def test_again_changes_nothing(text: str) -> None:
    once = redacted(text)
    assert redacted(once) == once


@pytest.mark.parametrize(
    "piece",
    ["a", "1", "1 ", "1-", "a@", "a.", "a'", "fe:", "1.", "tel ", "tel 1 ", "+1", "(1)", "01 ",
     "DE12", "DE89 3704 ", "(at)", "4111 ", "+49 - "],
)  # fmt: skip
def test_no_text_takes_long(piece: str) -> None:
    """What finders try most often, thirty thousand characters long: minutes if they went back."""
    text = piece * (30_000 // len(piece))
    started = time.thread_time()
    redacted(text)
    assert time.thread_time() - started < 10
