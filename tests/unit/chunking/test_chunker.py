"""Texts to spans, by every method."""

import time
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from embeddings.chunking import Chunker, Ruler, Span
from embeddings.constants import ChunkingMethod
from embeddings.types.chunking import Chunking
from tests.unit.chunking.rulers import minilm, octets, words

METHODS = [method for method in ChunkingMethod if method != ChunkingMethod.NONE]
RULERS = [minilm, octets, words]
PIECES = [
    "word", "Émile ", "e\u0301\u0302", "\u0301", "你好", "世界。", "。",
    "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "😀",
    " ", "  ", "\n", "\r\n", "\r\n\r\n", "\n\n", "\t", "\u3000", "\u2028", "\x1c", "\x85",
    ". ", "A sentence. ", "Is it? ", "# Head\n", "- item\n", "```\n", "> quoted\n", "|a|b|\n",
    "def f(x):\n", "    return x\n", "class A:\n", "(", ")", "{", "}", '"""', "'", "x = 1\n",
    "\ufdfa", "ﬁ", "ß", "İ", "supercalifragilistic", "한국어 ", "ไทย",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), min_size=1, max_size=120).map(
    "".join
)


@cache
def chunker(
    method: str, size: int, overlap: int = 0, ruler: Callable[[], Ruler] = words
) -> Chunker:
    language = "python" if method == ChunkingMethod.CODE else None
    return Chunker(Chunking(ChunkingMethod(method), size, overlap, language), ruler())


def cut(text: str, method: str, size: int, overlap: int = 0) -> list[str]:
    [spans] = chunker(method, size, overlap).spans([text])
    return [text[start:end] for start, end in spans]


def uncovered(text: str, spans: list[Span]) -> str:
    covered = {at for start, end in spans for at in range(start, end)}
    return "".join(letter for at, letter in enumerate(text) if at not in covered)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("ruler", RULERS)
@given(text=TEXTS, size=st.sampled_from([16, 37]), overlap=st.sampled_from([0, 7]))
@example(text="a\r\nb\r\n" * 30, size=16, overlap=0)
@example(text="e\u0301" * 100, size=16, overlap=7)
@example(text="你好世界" * 30, size=16, overlap=7)
@example(text="👩‍👩‍👧‍👦" * 30, size=16, overlap=0)
@example(text="x" * 500, size=16, overlap=7)
@settings(max_examples=60, deadline=None)
def test_spans_hold_all_of_the_text_and_are_no_longer_than_allowed(
    ruler: Callable[[], Ruler], method: str, text: str, size: int, overlap: int
) -> None:
    measure = ruler()
    [spans] = chunker(method, size, overlap, ruler).spans([text])

    assert spans
    if spans != [(0, len(text))]:
        for start, end in spans:
            assert 0 <= start < end <= len(text)
            assert text[start:end] == text[start:end].strip() or method in ("sentences", "markdown")
            tokens = measure.count([text[start:end]])[0]
            assert tokens <= size or end - start == 1
        assert [start for start, _ in spans] == sorted({start for start, _ in spans})
        assert uncovered(text, spans).strip() == ""
    elif len(text) > 1:
        assert measure.count([text])[0] <= size or not text.strip()


@pytest.mark.parametrize("method", METHODS)
def test_a_text_that_fits_is_left_whole(method: str) -> None:
    text = " seven words with \n\n space around them \r\n"

    assert chunker(method, 16).spans([text, text * 9])[0] == [(0, len(text))]


def test_tokens_are_windows_that_overlap() -> None:
    text = " ".join(f"w{number}" for number in range(40))

    parts = [part.split() for part in cut(text, "tokens", 16, overlap=4)]

    assert [part[0] for part in parts] == ["w0", "w12", "w24"]
    assert [part[-1] for part in parts] == ["w15", "w27", "w39"]


def test_tokens_cut_between_words() -> None:
    [spans] = chunker("tokens", 16, ruler=minilm).spans(["unbelievability " * 40])

    assert all(start % 16 == 0 and end % 16 == 15 for start, end in spans)


def test_sentences_stay_whole_where_they_fit() -> None:
    text = "One two three four five. " * 4 + "Six seven eight nine ten eleven? Twelve thirteen!"

    assert cut(text, "sentences", 16) == [
        "One two three four five. One two three four five. One two three four five.",
        "One two three four five. Six seven eight nine ten eleven? Twelve thirteen!",
    ]


def test_the_last_chunk_reaches_back_over_sentences() -> None:
    text = "One two three. Four five six. Seven eight nine. Ten eleven one. " * 2 + "End."

    assert cut(text, "sentences", 16) == [
        "One two three. Four five six. Seven eight nine. Ten eleven one. One two three.",
        "Ten eleven one. One two three. Four five six. Seven eight nine. Ten eleven one. End.",
    ]


def test_a_sentence_that_is_too_long_is_cut_between_words() -> None:
    parts = cut("word " * 40, "sentences", 16)

    assert [len(part.split()) for part in parts] == [16, 16, 8]
    assert set(" ".join(parts).split()) == {"word"}


def test_markdown_is_cut_at_its_headings() -> None:
    section = "word " * 9 + "\n\n- item\n- item\n\n"
    text = f"# One\n\n{section}# Two\n\n{section}## Three\n\n{section}"

    assert [part.split("\n")[0] for part in cut(text, "markdown", 16)] == [
        "# One",
        "# Two",
        "## Three",
    ]


def test_code_is_cut_between_functions() -> None:
    function = "# about {0}\ndef {0}(a, b):\n    c = a + b\n    return c * c\n\n\n"
    text = "".join(map(function.format, ["one", "two", "three", "four"]))

    parts = cut(text, "code", 24)

    assert [part.split("\n")[0] for part in parts] == ["# about one", "# about three"]


def test_a_body_stays_with_its_head() -> None:
    lines = "".join(f"    line_{number} = call({number})\n" for number in range(30))
    text = f"class A:\n    x = 1\n\n    def first(self):\n{lines}\n    def second(self):\n{lines}"

    parts = cut(text, "code", 30)

    assert not any(part.endswith(":") for part in parts)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("c", "int f(int a) {\n  return a;\n}\n\n"),
        ("cpp", "namespace n {\nclass A { int f() { return 1; } };\n}\n\n"),
        ("go", "func f(a int) int {\n\treturn a\n}\n\n"),
        ("java", "class A {\n  int f(int a) { return a; }\n}\n\n"),
        ("javascript", "function f(a) {\n  return a;\n}\n\n"),
        ("python", "def f(a):\n    return a\n\n"),
        ("rust", "fn f(a: i32) -> i32 {\n    a\n}\n\n"),
        ("typescript", "function f(a: number): number {\n  return a;\n}\n\n"),
    ],
)
def test_every_language_is_cut_at_its_outermost_parts(language: str, text: str) -> None:
    cutter = Chunker(Chunking(ChunkingMethod.CODE, 20, language=language), words())

    [spans] = cutter.spans([text * 12])

    assert len(spans) > 2
    assert all(start % len(text) == 0 for start, _ in spans)


@pytest.mark.parametrize(
    ("method", "make"),
    [
        ("sentences", lambda n: "你" * 12 * n),  # 9 times as long at once: it has no sentence
        ("code", lambda n: "|a" * n + "\n" + "|-" * n),  # 19 times as long of looking for syntax
        ("code", lambda n: "-" * 4 * n + "1"),  # 20,000 levels
    ],
)
def test_what_is_no_text_takes_no_longer(method: str, make: Callable[[int], str]) -> None:
    """Four times as much takes about four times as long, on any machine."""
    cutter = chunker(method, 254, ruler=minilm)

    def cut_in(size: int) -> tuple[float, list[Span]]:
        text = make(size)
        started = time.thread_time()
        [spans] = cutter.spans([text])
        return time.thread_time() - started, spans

    # Now and then the machine itself is slow, as no text of ours makes it.
    assert any(cut_in(5_000)[0] < 8 * cut_in(1_250)[0] for _ in range(5))
    assert len(cut_in(5_000)[1]) > 50


def test_markdown_of_many_windows_is_cut_at_its_headings() -> None:
    code = "```\n" + "# comment\nvalue\n\n" * 50 + "```\n\n"
    text = "".join(f"# Section {number}\n\n{code}" for number in range(100))

    parts = cut(text, "markdown", 32)

    assert len(text) > 80_000
    assert sum(part.startswith("# Section") for part in parts) == 100
    assert {part.count("# Section") for part in parts} == {0, 1}
