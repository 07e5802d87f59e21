"""Sentences, paragraphs and Markdown, told apart by semantic-text-splitter."""

import re
from collections.abc import Callable, Iterator
from functools import partial

from semantic_text_splitter import MarkdownSplitter, TextSplitter

from embeddings.types.chunking import Chunking

WINDOW = 16
"""Characters for each token of a chunk that are looked at at once, 16 to 60 chunks' worth: the time
the library takes grows with the square of a text that has no sentences: 10 s for 100,000
ideographs at once, 2.5 s by windows."""

MIN_WINDOW = 8_192
MIN_SECTION = 32_768

Span = tuple[int, int]
Split = Callable[[str], list[Span]]

_MARK = re.compile(r"^ {0,3}(?:(`{3,}|~{3,})([^\n]*)$|#{1,6}\s)", re.MULTILINE)
"""A code fence, or a heading."""


def sentence_splitter(tokenizer: str, chunking: Chunking) -> Split:
    """Cuts between paragraphs where it can, else sentences, else words; `tokenizer` is JSON."""
    library = TextSplitter.from_huggingface_tokenizer_str(
        tokenizer, chunking.size, chunking.overlap
    )
    return partial(_windowed, library, max(MIN_WINDOW, WINDOW * chunking.size))


def markdown_splitter(tokenizer: str, chunking: Chunking) -> Split:
    """Cuts between sections where it can, else blocks, else as `sentence_splitter`."""
    library = MarkdownSplitter.from_huggingface_tokenizer_str(
        tokenizer, chunking.size, chunking.overlap
    )
    window = max(MIN_SECTION, WINDOW * chunking.size)

    def split(text: str) -> list[Span]:
        return [
            (start + at, start + to)
            for start, end in _sections(text, window)
            for at, to in _windowed(library, window, text[start:end])
        ]

    return split


def _windowed(library: TextSplitter | MarkdownSplitter, window: int, text: str) -> list[Span]:
    spans: list[Span] = []
    start, end = 0, window
    while True:
        found = [
            (start + at, start + at + len(part))
            for at, part in library.chunk_indices(text[start:end])
        ]
        if end >= len(text):
            return spans + found
        if len(found) < 2:
            # All of it is one chunk, or white space: what follows may belong to it.
            end += end - start
            continue
        # The window's end has cut the last one.
        spans += found[:-1]
        start = found[-1][0]
        end = start + window


def _sections(text: str, window: int) -> Iterator[Span]:
    """Parts of about `window` characters, cut before headings: to begin within a block of code or
    a list would be to mistake it.
    """
    start = end = 0
    for heading in [*_headings(text), len(text)]:
        if heading - start > window and end > start:
            yield start, end
            start = end
        end = heading
    yield start, end


def _headings(text: str) -> Iterator[int]:
    fence = ""
    for mark in _MARK.finditer(text):
        if mark[1] is None:
            if not fence:
                yield mark.start()
        elif not fence:
            fence = mark[1]
        elif mark[1].startswith(fence) and not mark[2].strip():
            fence = ""
