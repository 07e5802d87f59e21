"""Measuring texts in a model's tokens."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from embeddings.engine import hashing, ruler
from embeddings.engine.interface import EngineOptions
from embeddings.engine.ruler import Ruler, load_ruler
from embeddings.exceptions import UnknownModel
from embeddings.types.model import ModelDeclaration
from tests.unit.engine.model_folders import make_model_folder
from tests.unit.engine.tokenizers_for_tests import small_tokenizer

RULER = Ruler(small_tokenizer(), max_tokens=16)
TEXTS = st.text(alphabet="alph bet\r\n\t😀é\u0301你。", max_size=80)


def test_it_works() -> None:
    assert RULER.count(["Alpha deltas", ""]) == [4, 0]
    assert RULER.starts("Alpha deltas").tolist() == [0, 6, 9, 11]
    assert RULER.room == 14


def test_the_room_is_what_prompt_and_special_tokens_leave() -> None:
    assert Ruler(small_tokenizer(), max_tokens=16, prompt="alpha betas: ").room == 10


def test_a_limit_in_the_tokenizer_is_none_on_what_is_measured() -> None:
    tokenizer = small_tokenizer()
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=8)

    measured = Ruler(tokenizer, max_tokens=16)

    assert measured.count(["alpha " * 9]) == [9]
    assert '"truncation":null' in measured.json.replace(" ", "").replace("\n", "")


@given(text=TEXTS)
def test_a_long_text_is_measured_as_a_short_one(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ruler, "PIECE_CHARS", 1_000)
        long = text + " " + "alpha " * 300
        starts = RULER.starts(long)
    assert starts.tolist() == RULER.starts(long).tolist()
    assert len(starts) == RULER.count([long])[0]
    assert all(first <= second for first, second in pairwise(starts.tolist()))


@given(text=st.text(alphabet="alpha_9 \r\n\tßé你。,-", max_size=80))
def test_a_token_of_the_hashing_model_is_a_word(text: str) -> None:
    measured = load_ruler(hashing.NAME, EngineOptions(data_dir=settings.EMBED.data_dir))
    embedder = hashing.HashingEmbedder()

    counted = measured.count([text + " alpha"])

    assert counted == embedder.count_tokens([text + " alpha"])
    assert measured.room == hashing.MAX_TOKENS


def test_a_local_model_is_measured_by_its_own_files(tmp_path: Path) -> None:
    make_model_folder(tmp_path / "models" / "small")
    options = EngineOptions(data_dir=tmp_path, model_dir=tmp_path / "models")

    measured = load_ruler("small", options)

    assert measured.starts("alpha betas").dtype == np.int64
    assert measured.room > 0


def test_a_model_elsewhere_is_measured_by_an_estimate(tmp_path: Path) -> None:
    declared = ModelDeclaration(
        name="far", provider="remote", url="http://127.0.0.1:9", dimensions=8, max_tokens=1000
    )

    measured = load_ruler("far", EngineOptions(data_dir=tmp_path, models=(declared,)))

    assert measured.room == 750
    assert measured.count(["A sentence of 12345 words, 你好!"]) == [1 + 2 + 1 + 3 + 2 + 1 + 2 + 1]


def test_an_unknown_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownModel):
        load_ruler("nothing", EngineOptions(data_dir=tmp_path))
