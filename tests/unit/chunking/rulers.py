"""What measures texts in these tests."""

from functools import cache

from django.conf import settings
from tokenizers import Tokenizer, models, pre_tokenizers

from embeddings.engine import hashing
from embeddings.engine.interface import EngineOptions
from embeddings.engine.ruler import Ruler, load_ruler


@cache
def minilm() -> Ruler:
    """WordPiece, as the shipped model reads."""
    return load_ruler("all-MiniLM-L6-v2", EngineOptions(data_dir=settings.EMBED.data_dir))


@cache
def words() -> Ruler:
    """A token is a word."""
    return load_ruler(hashing.NAME, EngineOptions(data_dir=settings.EMBED.data_dir))


@cache
def octets() -> Ruler:
    """A token is a byte of UTF-8, and a part may have one more than it had within the whole."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: index for index, letter in enumerate(alphabet)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    return Ruler(tokenizer, max_tokens=256)
