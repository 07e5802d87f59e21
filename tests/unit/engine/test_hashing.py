"""The embedder without a model."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from embeddings.engine.hashing import HashingEmbedder
from embeddings.exceptions import CallerGone, TextTooLong


def vector(text: str) -> NDArray[np.float32]:
    found: NDArray[np.float32] = HashingEmbedder().embed([text]).vectors[0]
    return found


def test_it_works() -> None:
    embedded = HashingEmbedder().embed(["restore a database", "bake bread"])

    assert embedded.vectors.shape == (2, 384)
    assert embedded.vectors.dtype == np.float32
    assert embedded.vectors.flags.c_contiguous
    assert embedded.tokens.tolist() == [3, 2]
    assert embedded.tokens.dtype == np.int32
    assert embedded.truncated.tolist() == [False, False]
    np.testing.assert_allclose(np.linalg.norm(embedded.vectors, axis=1), 1, atol=1e-6)


def test_related_texts_score_higher() -> None:
    query = vector("How to back up databases")

    related = query @ vector("Backing up a database every night")
    unrelated = query @ vector("The cat sleeps on a warm stove")

    assert related > unrelated + 0.1


def test_case_and_width_do_not_matter() -> None:
    np.testing.assert_array_equal(vector("\uff30ostgreSQL"), vector("postgresql"))


def test_order_of_words_does_not_matter_but_their_number_does() -> None:
    np.testing.assert_allclose(vector("one two"), vector("two one"), atol=1e-7)
    assert not np.allclose(vector("one two"), vector("one two two"))


def test_vectors_outlive_the_process() -> None:
    """Python's own hash() would change with PYTHONHASHSEED."""
    code = (
        "from embeddings.engine.hashing import HashingEmbedder as H;"
        "print(H().embed(['vectors outlive the process']).vectors.tobytes().hex())"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()

    assert printed == vector("vectors outlive the process").tobytes().hex()


def test_vectors_outlive_the_release() -> None:
    """Change ALGORITHM with these: stored vectors would no longer match new ones."""
    found = vector("PostgreSQL")

    signed_positions = [int(np.sign(found[at])) * int(at) for at in np.flatnonzero(found)]
    assert signed_positions == [9, -15, -68, 91, 104, 130, 177, 194, -213, 340, -371]
    assert HashingEmbedder().fingerprint == (
        "4dc3c9cd4e3c92fd3b90a0bbba9fb144a2cc91f94e3ca9b560bbda23e23695b5"
    )


@given(text=st.text(max_size=40))
def test_no_text_has_a_zero_vector(text: str) -> None:
    assert np.linalg.norm(vector(text)) == pytest.approx(1, abs=1e-5)


def test_words_that_cancel_out_leave_no_zero_vector() -> None:
    np.testing.assert_allclose(vector("ô"), -vector("ģ"))  # or this test tests nothing

    assert np.linalg.norm(vector("ô ģ")) == pytest.approx(1)


@pytest.mark.parametrize("text", ["", "   ", "!?…", "🚀"])
def test_texts_without_words_differ_from_each_other(text: str) -> None:
    assert not np.allclose(vector(text), vector("¿"))


def test_too_many_words_are_cut_or_refused() -> None:
    embedder = HashingEmbedder(max_tokens=3)

    embedded = embedder.embed(["a b c", "a b c d"])
    assert embedded.tokens.tolist() == [3, 3]
    assert embedded.truncated.tolist() == [False, True]
    np.testing.assert_array_equal(embedded.vectors[0], embedded.vectors[1])
    assert embedder.count_tokens(["a b c d"]) == [4]

    with pytest.raises(TextTooLong) as refused:
        embedder.embed(["a b c", "a b c d"], truncate=False)
    assert refused.value.values == {"index": 1, "tokens": 4, "max_tokens": 3}


def test_no_texts_give_no_vectors() -> None:
    assert HashingEmbedder().embed([]).vectors.shape == (0, 384)


def test_nothing_is_made_for_a_caller_that_has_gone() -> None:
    embedder = HashingEmbedder()

    with pytest.raises(CallerGone):
        embedder.embed(["alpha"], gone=lambda: True)

    assert embedder.embed(["alpha"], gone=lambda: False).tokens.tolist() == [1]
