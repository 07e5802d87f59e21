"""Sentences, paragraphs and Markdown, told apart by semantic-text-splitter."""

from collections.abc import Callable

from semantic_text_splitter import MarkdownSplitter, TextSplitter

from embeddings.types.chunking import Chunking

WINDOW = 16
"""Characters for each token of a chunk that are looked at at once, 16 to 60 chunks' worth: the time
the library takes grows with the square of a text that has no sentences: 10 s for 100,000
ideographs at once, 2.5 s by windows."""

MIN_WINDOW = 8_192

Split = Callable[[str], list[tuple[int, int]]]


def sentence_splitter(tokenizer: str, chunking: Chunking) -> Split:
    """Cuts between paragraphs where it can, else sentences, else words; `tokenizer` is JSON."""
    library = TextSplitter.from_huggingface_tokenizer_str(
        tokenizer, chunking.size, chunking.overlap
    )
    return _windowed(library, chunking)


def markdown_splitter(tokenizer: str, chunking: Chunking) -> Split:
    """Cuts between sections where it can, else blocks, else as `sentence_splitter`."""
    library = MarkdownSplitter.from_huggingface_tokenizer_str(
        tokenizer, chunking.size, chunking.overlap
    )
    return _windowed(library, chunking)


def _windowed(library: TextSplitter | MarkdownSplitter, chunking: Chunking) -> Split:
    def split(text: str) -> list[tuple[int, int]]:
        spans: list[tuple[int, int]] = []
        start, window = 0, max(MIN_WINDOW, WINDOW * chunking.size)
        while start < len(text):
            found = [
                (start + at, start + at + len(part))
                for at, part in library.chunk_indices(text[start : start + window])
            ]
            if start + window >= len(text):
                return spans + found
            if len(found) < 2:
                # All of it is one chunk, or white space: what follows may belong to it.
                window *= 2
                continue
            resumed = _resumed(text, found)
            spans += found[:resumed]
            start = found[resumed][0]
            window = max(MIN_WINDOW, WINDOW * chunking.size)
        return spans

    return split


def _resumed(text: str, found: list[tuple[int, int]]) -> int:
    """Which chunk the next window begins with: the last one, which the window's end has cut; or
    the last that begins with a heading, in the second half, which is no code, list or quotation.
    """
    for index in range(len(found) - 1, len(found) // 2, -1):
        if text.startswith("#", found[index][0]):
            return index
    return len(found) - 1
