"""What a collection's chunking is, of what its maker asks for."""

import pytest

from embeddings.constants import ChunkingMethod
from embeddings.exceptions import InvalidRequest
from embeddings.services.chunking import chunking_in_force
from embeddings.types.chunking import Chunking, ChunkingWish
from embeddings.types.model import ModelDeclaration
from tests.models import declare


@pytest.mark.parametrize(
    ("wish", "chunking"),
    [
        (ChunkingWish(), Chunking(ChunkingMethod.SENTENCES, 254, 0)),
        (ChunkingWish(method=ChunkingMethod.NONE), Chunking(ChunkingMethod.NONE)),
        (ChunkingWish(method=ChunkingMethod.TOKENS), Chunking(ChunkingMethod.TOKENS, 254, 31)),
        (
            ChunkingWish(method=ChunkingMethod.TOKENS, size=64, overlap=0),
            Chunking(ChunkingMethod.TOKENS, 64, 0),
        ),
        (
            ChunkingWish(method=ChunkingMethod.CODE, size=16, overlap=7, language="rust"),
            Chunking(ChunkingMethod.CODE, 16, 7, "rust"),
        ),
    ],
)
def test_what_is_left_open_is_filled_in(wish: ChunkingWish, chunking: Chunking) -> None:
    assert chunking_in_force(model="all-MiniLM-L6-v2", wish=wish) == chunking
    assert Chunking.from_json(chunking.as_json()) == chunking


def test_of_a_model_elsewhere_chunks_are_an_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    far = ModelDeclaration(
        name="far", provider="remote", url="http://127.0.0.1:9", dimensions=8, max_tokens=512
    )
    declare(monkeypatch, far)

    assert chunking_in_force(model="far", wish=ChunkingWish()).size == 384


@pytest.mark.parametrize(
    ("wish", "field", "detail"),
    [
        (ChunkingWish(size=15), "size", "16 to 254"),
        (ChunkingWish(size=255), "size", "16 to 254"),
        (ChunkingWish(size=20, overlap=10), "overlap", "half of the size, which is 20"),
        (ChunkingWish(overlap=-1), "overlap", "half"),
        (ChunkingWish(method=ChunkingMethod.CODE), "language", "c, cpp, go"),
        (ChunkingWish(method=ChunkingMethod.CODE, language="os"), "language", "rust, typescript"),
        (ChunkingWish(language="rust"), "language", "Leave"),
        (ChunkingWish(method=ChunkingMethod.NONE, size=64), "size", "Leave"),
        (ChunkingWish(method=ChunkingMethod.NONE, overlap=0), "overlap", "Leave"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(wish: ChunkingWish, field: str, detail: str) -> None:
    with pytest.raises(InvalidRequest, match=detail) as refusal:
        chunking_in_force(model="all-MiniLM-L6-v2", wish=wish)

    assert refusal.value.param == f"chunking.{field}"
