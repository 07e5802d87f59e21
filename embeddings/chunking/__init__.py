"""Texts to spans: where a long text is cut, so that a model reads all of it."""

from embeddings.chunking.chunker import Chunker, Ruler, Span

__all__ = ["Chunker", "Ruler", "Span"]
