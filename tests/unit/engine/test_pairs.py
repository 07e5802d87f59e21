"""Pairs, cut as tokenizers itself cuts them by `longest_first`, which sentence-transformers asks
for.
"""

import pytest
from tokenizers import Tokenizer

from embeddings.engine.pairs import PairReader, longest_first
from tests.unit.engine.tokenizers_for_tests import pair_tokenizer

MAX_TOKENS = 12
TEMPLATES = ["[CLS] $A [SEP] $B:1 [SEP]:1", "[CLS] $A [SEP] [SEP] $B [SEP]"]
LENGTHS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 30]


def text_of(words: int) -> str:
    return " ".join(["alpha", "beta", "gamma"][index % 3] for index in range(words))


def cutting(template: str) -> Tokenizer:
    tokenizer = pair_tokenizer(template)
    tokenizer.enable_truncation(MAX_TOKENS, strategy="longest_first")
    return tokenizer


@pytest.mark.parametrize("template", TEMPLATES)
def test_it_works(template: str) -> None:
    reader = PairReader(pair_tokenizer(template), max_tokens=MAX_TOKENS)
    texts = [text_of(words) for words in LENGTHS]

    for words in LENGTHS:
        query = text_of(words)
        read = reader.read_pairs(query, texts)
        expected = cutting(template).encode_batch([(query, text) for text in texts])
        assert read.token_ids == [each.ids for each in expected]
        assert read.type_ids == [each.type_ids for each in expected]
        assert read.truncated == [bool(each.overflowing) for each in expected]


def test_of_a_text_no_more_is_read_than_asked_for() -> None:
    reader = PairReader(pair_tokenizer(TEMPLATES[0]), max_tokens=MAX_TOKENS)
    cut = reader.read_pairs("alpha", [text_of(30), "beta"], text_tokens=2)

    assert cut.token_ids[0] == reader.read_pairs("alpha", [text_of(2)]).token_ids[0]
    assert cut.token_ids[1] == reader.read_pairs("alpha", ["beta"]).token_ids[0]
    assert cut.truncated == [False, False]


def test_an_absurdly_long_text_is_read_by_its_beginning() -> None:
    reader = PairReader(pair_tokenizer(TEMPLATES[0]), max_tokens=MAX_TOKENS)
    read = reader.read_pairs("alpha", ["beta " * 100_000, " " * 100_000 + "gamma"])

    assert read.token_ids[0] == reader.read_pairs("alpha", ["beta " * 20]).token_ids[0]
    assert read.token_ids[1] == reader.read_pairs("alpha", ["gamma"]).token_ids[0]
    assert read.truncated == [True, False]


def test_a_pair_is_counted_whole() -> None:
    reader = PairReader(pair_tokenizer(TEMPLATES[1]), max_tokens=MAX_TOKENS)
    assert reader.count_pair(text_of(3), text_of(30)) == 37


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [(3, 5, (3, 5)), (1, 20, (1, 8)), (20, 1, (8, 1)), (20, 30, (4, 5)), (30, 20, (5, 4))],
)
def test_the_odd_token_is_the_longer_ones(first: int, second: int, kept: tuple[int, int]) -> None:
    assert longest_first(first, second, room=9) == kept
