"""How the texts of a collection are cut: chosen when it is made, in force for good."""

from collections.abc import Sequence
from functools import lru_cache

from django.conf import settings

from embeddings.chunking import Chunker, Span
from embeddings.constants import ChunkingMethod
from embeddings.engine.interface import EngineOptions
from embeddings.engine.ruler import Ruler, load_ruler
from embeddings.exceptions import InvalidRequest, TooManyChunks
from embeddings.models import Collection
from embeddings.services import engine
from embeddings.types.chunking import CODE_LANGUAGES, MIN_SIZE, Chunking, ChunkingWish

DEFAULT_METHOD = ChunkingMethod.SENTENCES

TOKENS_OVERLAP = 8
"""One part in so many: windows, unlike sentences, cut what belongs together."""


def chunking_in_force(*, model: str, wish: ChunkingWish) -> Chunking:
    """The wish with all that it leaves open filled in: chunks as long as the model reads, of whole
    sentences, so that nothing of a text is cut off and what fits is left whole.

    Raises InvalidRequest, naming the field, and UnknownModel.
    """
    method = wish.method or DEFAULT_METHOD
    if method == ChunkingMethod.NONE:
        for name in ("size", "overlap", "language"):
            if getattr(wish, name) is not None:
                raise _fault(name, f"The method `none` knows no {name}. Leave the field out.")
        return Chunking(method)
    room = _ruler(model, engine.engine_options()).room
    size = room if wish.size is None else wish.size
    least = min(MIN_SIZE, room)
    if not least <= size <= room:
        reads = f"Send {least} to {room} tokens: {room} are what {model} reads of a chunk."
        raise _fault("size", reads)
    usual = size // TOKENS_OVERLAP if method == ChunkingMethod.TOKENS else 0
    overlap = usual if wish.overlap is None else wish.overlap
    if not 0 <= overlap * 2 < max(size, 1):
        raise _fault("overlap", f"Send fewer tokens than half of the size, which is {size}.")
    return Chunking(method, size, overlap, _language(method, wish.language))


def _language(method: ChunkingMethod, language: str | None) -> str | None:
    known = ", ".join(CODE_LANGUAGES)
    if method != ChunkingMethod.CODE:
        if language is not None:
            raise _fault("language", "Only the method `code` knows languages. Leave the field out.")
        return None
    if language not in CODE_LANGUAGES:
        raise _fault("language", f"Send the language of the code, one of: {known}.")
    return language


def cut_texts(*, collection: Collection, texts: Sequence[str]) -> list[list[Span]]:
    """The spans of each text in order, `text[start:end]` in code points.

    Raises TooManyChunks, with the text's `index` among its values, and UnknownModel.
    """
    chunking = Chunking.from_json(collection.chunking)
    if chunking.method == ChunkingMethod.NONE:
        return [[(0, len(text))] for text in texts]
    cut = _chunker(collection.generation.model, chunking, engine.engine_options()).spans(texts)
    limit = settings.EMBED.max_chunks
    for index, spans in enumerate(cut):
        if len(spans) > limit:
            raise TooManyChunks(index=index, chunks=len(spans), limit=limit)
    return cut


@lru_cache(maxsize=32)
def _chunker(model: str, chunking: Chunking, options: EngineOptions) -> Chunker:
    return Chunker(chunking, _ruler(model, options))


@lru_cache(maxsize=8)
def _ruler(model: str, options: EngineOptions) -> Ruler:
    return load_ruler(model, options)


def _fault(field: str, detail: str) -> InvalidRequest:
    return InvalidRequest(param=f"chunking.{field}", detail=detail)
