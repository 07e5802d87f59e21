"""How finely a tokenizer splits the words of a query."""

from collections.abc import Sequence

import pytest

from embeddings.exceptions import EngineUnavailable
from embeddings.models import Generation
from embeddings.services import word_splits
from embeddings.services.word_splits import fineness, split_fineness
from embeddings.types.model import ModelDeclaration
from tests.models import declare

MINE = Generation(model="hashing-384", fingerprint="mine")


class Splitter:
    """Splits each word into pieces of so many letters, between two special tokens."""

    def __init__(self, letters: int) -> None:
        self.letters = letters

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [
            2 + sum(-(-len(word) // self.letters) for word in text.split(" ") if word)
            for text in texts
        ]


@pytest.mark.parametrize(
    ("text", "letters", "expected"),
    [
        ("universities of the country", 12, 1.0),
        ("Universität München gegründet", 2, 15 / (27 / 4)),
        ("what is it to me", 4, 1.0),  # short, not split
        ("565 °C, 12:30!", 1, 1.0),  # hardly a word
        ("東京の大学", 1, 1.0),  # nothing says where words end
        ("", 1, 1.0),
    ],
)
def test_words_in_more_pieces_than_known_ones_have(
    monkeypatch: pytest.MonkeyPatch, text: str, letters: int, expected: float
) -> None:
    monkeypatch.setattr(word_splits, "require_fingerprint", lambda **_: Splitter(letters))

    assert split_fineness(generation=MINE, text=text) == pytest.approx(expected)


def test_pieces_are_compared_with_words_or_letters_whichever_are_more() -> None:
    assert fineness(words=["dies", "und", "das"], pieces=6) == 2
    assert fineness(words=["Dampfschiff", "fahrt"], pieces=8) == 2


def test_a_model_that_cannot_be_used_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was stored under another fingerprint was made by another tokenizer."""
    assert split_fineness(generation=MINE, text="Universität") == 1
    assert split_fineness(generation=Generation(model="vanished"), text="Universität") == 1

    def unavailable(**_: str) -> None:
        raise EngineUnavailable

    monkeypatch.setattr(word_splits, "require_fingerprint", unavailable)
    assert split_fineness(generation=MINE, text="Universität") == 1


def test_a_remote_tokenizer_is_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    remote = ModelDeclaration(
        name="theirs", provider="remote", url="http://127.0.0.1:9", dimensions=4, max_tokens=8
    )
    declare(monkeypatch, remote)
    monkeypatch.setattr(word_splits, "require_fingerprint", lambda **_: Splitter(1))

    assert split_fineness(generation=Generation(model="theirs"), text="Universität") == 1
