"""One way of cutting texts: a method with its size, and the tokens it counts in."""

from collections.abc import Callable, Sequence
from functools import partial

from embeddings.chunking.code import code_cuts
from embeddings.chunking.cuts import make_cuts
from embeddings.chunking.packing import pack
from embeddings.chunking.prose import Split, markdown_splitter, sentence_splitter
from embeddings.chunking.ruler import Ruler, Span
from embeddings.chunking.tail import reach_back
from embeddings.constants import ChunkingMethod
from embeddings.types.chunking import Chunking

LONG = 64
"""A text of more characters for each token of a chunk is cut without counting its tokens first."""


class Chunker:
    """Cuts texts; safe to share between threads."""

    def __init__(self, chunking: Chunking, ruler: Ruler) -> None:
        self._chunking = chunking
        self._ruler = ruler
        self._cut = self._cutter()

    def spans(self, texts: Sequence[str]) -> list[list[Span]]:
        """The spans of each text, in order: the whole text where it is no longer than a chunk may
        be, else spans without white space at their ends that together hold all the rest.
        """
        whole = self._whole(texts)
        return [
            [(0, len(text))] if fits else self._cut(text) or [(0, len(text))]
            for text, fits in zip(texts, whole, strict=True)
        ]

    def _whole(self, texts: Sequence[str]) -> list[bool]:
        size = self._chunking.size
        # A token of ASCII has at least one character, but for one that some put before the first.
        whole = [text.isascii() and len(text) < size for text in texts]
        doubtful = [
            index
            for index, text in enumerate(texts)
            if not whole[index] and len(text) <= LONG * size
        ]
        counts = self._ruler.count([texts[index] for index in doubtful])
        for index, tokens in zip(doubtful, counts, strict=True):
            whole[index] = tokens <= size
        return whole

    def _cutter(self) -> Callable[[str], list[Span]]:
        chunking = self._chunking
        match chunking.method:
            case ChunkingMethod.SENTENCES:
                return partial(self._cut_sentences, sentence_splitter(self._ruler.json, chunking))
            case ChunkingMethod.MARKDOWN:
                return partial(self._cut_prose, markdown_splitter(self._ruler.json, chunking))
            case ChunkingMethod.CODE:
                return self._cut_code
            case _:
                return self._cut_tokens

    def _cut_sentences(self, split: Split, text: str) -> list[Span]:
        spans = self._cut_prose(split, text)
        return reach_back(text, spans, ruler=self._ruler, size=self._chunking.size)

    def _cut_prose(self, split: Split, text: str) -> list[Span]:
        found = split(text)
        counts = self._ruler.count([text[start:end] for start, end in found])
        spans = []
        for (start, end), tokens in zip(found, counts, strict=True):
            if tokens <= self._chunking.size:
                spans.append((start, end))
            else:  # the library counts some vocabularies otherwise than the model reads
                spans += [(start + at, start + to) for at, to in self._cut_tokens(text[start:end])]
        return spans

    def _cut_tokens(self, text: str) -> list[Span]:
        """Windows of tokens, which begin and end between words where there are some."""
        starts = self._ruler.starts(text)
        return pack(
            text,
            cuts=make_cuts(text, starts),
            starts=starts,
            chunking=self._chunking,
            slack=self._chunking.size // 8,
            count=self._count,
        )

    def _cut_code(self, text: str) -> list[Span]:
        """Chunks that begin and end at the outermost syntax within reach."""
        starts = self._ruler.starts(text)
        return pack(
            text,
            cuts=code_cuts(
                text,
                starts=starts,
                language=self._chunking.language or "",
                small=self._chunking.size // 2,
            ),
            starts=starts,
            chunking=self._chunking,
            slack=self._chunking.size // 2,
            count=self._count,
        )

    def _count(self, text: str) -> int:
        [tokens] = self._ruler.count([text])
        return tokens
