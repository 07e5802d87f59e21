"""How the texts of a collection are cut."""

from dataclasses import dataclass
from typing import Any, Self

from embeddings.constants import ChunkingMethod

CODE_LANGUAGES = ("c", "cpp", "go", "java", "javascript", "python", "rust", "typescript")

MIN_SIZE = 16
"""Tokens; shorter chunks say too little to be found by."""


@dataclass(frozen=True, slots=True)
class Chunking:
    """`size` and `overlap` in tokens of the model; `language` of code alone. A text of no more than
    `size` tokens is one chunk; with the method `none`, which knows no size, any text is.
    """

    method: ChunkingMethod
    size: int = 0
    overlap: int = 0
    language: str | None = None

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """What `as_json` made; collections that are older than chunking have nothing."""
        return cls(**{**value, "method": ChunkingMethod(value.get("method", ChunkingMethod.NONE))})

    def as_json(self) -> dict[str, Any]:
        """What is in force, without the fields that mean nothing to the method."""
        if self.method == ChunkingMethod.NONE:
            return {"method": self.method.value}
        shown = {"method": self.method.value, "size": self.size, "overlap": self.overlap}
        return shown if self.language is None else {**shown, "language": self.language}


@dataclass(frozen=True, slots=True)
class ChunkingWish:
    """A chunking as its caller asks for it; what is None is filled in."""

    method: ChunkingMethod | None = None
    size: int | None = None
    overlap: int | None = None
    language: str | None = None


NO_WISH = ChunkingWish()
