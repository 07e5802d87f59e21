"""Texts to spans: where a long text is cut, so that a model reads all of it."""

from embeddings.chunking.chunker import Chunker
from embeddings.chunking.ruler import Ruler, Span

__all__ = ["Chunker", "Ruler", "Span"]
