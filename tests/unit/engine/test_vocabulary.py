"""What a model's vocabulary shows."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embeddings.engine.interface import EngineOptions, InputType
from embeddings.engine.vocabulary import Token, Vocabulary, load_vocabulary
from embeddings.exceptions import NoVocabulary, UnknownModel, UnknownToken
from embeddings.types.model import ModelDeclaration
from tests.unit.engine.model_folders import make_model_folder
from tests.unit.engine.tokenizers_for_tests import small_tokenizer


def vocabulary(*, max_tokens: int = 16, prompt: str = "") -> Vocabulary:
    prompts: dict[InputType, str] = {"document": prompt, "query": ""}
    return Vocabulary(small_tokenizer(), prompts=prompts, max_tokens=max_tokens)


VOCABULARY = vocabulary()


def test_it_works() -> None:
    assert VOCABULARY.tokenize(["Alpha deltas", ""]) == [
        [
            Token(2, "[CLS]", special=True, start=None, stop=None),
            Token(4, "Alpha", special=False, start=0, stop=5),
            Token(7, "del", special=False, start=6, stop=9),
            Token(8, "ta", special=False, start=9, stop=11),
            Token(9, "s", special=False, start=11, stop=12),
            Token(3, "[SEP]", special=True, start=None, stop=None),
        ],
        [
            Token(2, "[CLS]", special=True, start=None, stop=None),
            Token(3, "[SEP]", special=True, start=None, stop=None),
        ],
    ]


def test_without_special_tokens() -> None:
    [[only]] = VOCABULARY.tokenize(["beta"], special=False)
    assert (only.id, only.text) == (5, "beta")


def test_ids_spell_a_text() -> None:
    ids = [token.id for token in VOCABULARY.tokenize(["alpha beta"], special=False)[0]]
    assert VOCABULARY.decode(ids) == "alpha beta"


@pytest.mark.parametrize("token_id", [-1, 10, 2**32, 2**70])
def test_ids_that_are_none(token_id: int) -> None:
    with pytest.raises(UnknownToken, match=f"{token_id} is not"):
        VOCABULARY.decode([4, token_id])


@pytest.mark.parametrize(
    ("text", "tokens", "ending"),
    [
        ("alpha beta gamma", 3, "alpha beta gamma"),
        ("alpha beta gamma", 2, "beta gamma"),
        ("alpha beta gamma", 1, "gamma"),
        ("deltas beta", 4, "deltas beta"),
        ("deltas beta", 3, "beta"),
        ("deltas", 2, "tas"),
        ("", 1, ""),
    ],
)
def test_a_text_can_lose_its_beginning(text: str, tokens: int, ending: str) -> None:
    special = vocabulary(max_tokens=tokens + 2)
    assert special.endings([text], input_type="document") == [ending]


def test_the_prompt_takes_room() -> None:
    prompted = vocabulary(max_tokens=4, prompt="alpha ")
    assert prompted.endings(["beta gamma"], input_type="document") == ["gamma"]
    assert prompted.endings(["beta gamma"], input_type="query") == ["beta gamma"]


@given(st.lists(st.sampled_from(["alpha", "deltas", "delta", "é", "x"]), max_size=12))
def test_an_ending_of_words_has_no_more_tokens_than_allowed(words: list[str]) -> None:
    text = " ".join(words)
    [ending] = vocabulary(max_tokens=5).endings([text], input_type="query")
    assert len(VOCABULARY.tokenize([ending], special=False)[0]) <= 3
    assert text.endswith(ending)


def test_it_is_read_from_the_models_files(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "small"
    folder.mkdir(parents=True)
    make_model_folder(folder)
    options = EngineOptions(data_dir=tmp_path, model_dir=tmp_path / "models")

    assert load_vocabulary("small", options).decode([4, 5]) == "alpha beta"


def test_the_hashing_embedder_and_remote_models_have_none(tmp_path: Path) -> None:
    remote = ModelDeclaration(
        name="far",
        provider="remote",
        url="http://127.0.0.1:9/v1",
        dimensions=8,
        max_tokens=16,
        fingerprint="0" * 64,
    )
    options = EngineOptions(data_dir=tmp_path, models=(remote,))
    for name in ("hashing-384", "far"):
        with pytest.raises(NoVocabulary, match=name):
            load_vocabulary(name, options)


def test_an_unknown_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel, match="gpt"):
        load_vocabulary("gpt", EngineOptions(data_dir=tmp_path))
