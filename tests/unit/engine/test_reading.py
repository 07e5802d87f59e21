"""Texts to token ids: what the model reads, exactly."""

from hypothesis import given, settings
from hypothesis import strategies as st

from embeddings.engine.reading import CHARS_PER_TOKEN, Reader
from tests.unit.engine.tokenizers_for_tests import small_tokenizer

MAX_TOKENS = 8
CUT = (MAX_TOKENS - 2) * CHARS_PER_TOKEN


def reader() -> Reader:
    return Reader(small_tokenizer(), max_tokens=MAX_TOKENS)


def reference(text: str) -> tuple[list[int], bool]:
    """The whole text read and truncated by the tokenizer itself."""
    tokenizer = small_tokenizer()
    whole = len(tokenizer.encode(text).ids)
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer.encode(text).ids, whole > MAX_TOKENS


def test_it_works() -> None:
    read = reader().read(["alpha deltas", "beta " * 20])

    assert read.token_ids == [[2, 4, 7, 8, 9, 3], [2, 5, 5, 5, 5, 5, 5, 3]]
    assert read.truncated == [False, True]


def test_a_text_that_just_fits_is_not_truncated() -> None:
    read = reader().read(["beta " * (MAX_TOKENS - 2), "beta " * (MAX_TOKENS - 1)])

    assert read.truncated == [False, True]
    assert [len(ids) for ids in read.token_ids] == [MAX_TOKENS, MAX_TOKENS]


def test_truncation_and_padding_stored_in_the_tokenizer_are_ignored() -> None:
    tokenizer = small_tokenizer()
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=30)

    read = Reader(tokenizer, max_tokens=MAX_TOKENS).read(["alpha beta gamma alpha"])

    assert read.token_ids == [[2, 4, 5, 6, 4, 3]]


def test_counting_is_not_bounded_by_what_the_model_reads() -> None:
    assert reader().count(["", "alpha", "beta " * 5000]) == [2, 3, 5002]


def test_words_after_very_much_white_space_are_read() -> None:
    read = reader().read([" " * (3 * CUT) + "gamma"])

    assert read.token_ids == [[2, 6, 3]]
    assert read.truncated == [False]


def test_a_word_longer_than_the_first_look_stays_one_unknown_word() -> None:
    read = reader().read(["alpha" * CUT])

    assert read.token_ids == [[2, 1, 3]]


def test_a_word_that_the_first_look_cuts_is_read_whole() -> None:
    """Its beginning alone, `deltas`, would be three known tokens."""
    text = "alpha " * (MAX_TOKENS - 3)
    text += " " * (CUT - len(text) - len("deltas")) + "deltasx"

    read = reader().read([text])

    assert (read.token_ids[0], read.truncated[0]) == reference(text)
    assert read.token_ids[0][-2:] == [1, 3]


def test_a_long_text_is_not_tokenized_to_its_end() -> None:
    seen: list[int] = []

    class Watched(Reader):
        def _encode(self, texts):  # type: ignore[no-untyped-def]
            seen.extend(map(len, texts))
            return super()._encode(texts)

    read = Watched(small_tokenizer(), max_tokens=MAX_TOKENS).read(["alpha " * 50_000])

    assert read.truncated == [True]
    assert seen == [CUT]


words = st.sampled_from(["alpha", "deltas", "deltasss", "zzz", " ", "  ", "!", "é", "東", "\n"])
texts_about_the_cut = st.lists(words, max_size=80).map("".join) | st.lists(
    words, min_size=20, max_size=80
).map(" ".join)


@settings(max_examples=300)
@given(text=texts_about_the_cut, blank=st.integers(min_value=0, max_value=CUT + 3))
def test_reading_the_beginning_gives_what_reading_everything_gives(text: str, blank: int) -> None:
    long_text = " " * blank + text

    read = reader().read([long_text])

    assert (read.token_ids[0], read.truncated[0]) == reference(long_text)
