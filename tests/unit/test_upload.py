"""Unpacking an upload and cutting it into parts."""

import gzip
import itertools
import zlib
from collections.abc import Iterator

import pytest

from embeddings.exceptions import ImportTooLarge, UnreadableImport
from embeddings.readers import upload
from embeddings.readers.upload import Part, cut, unpack


def pieces(data: bytes, size: int = 7) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def unpacked(data: bytes, size: int = 7, max_bytes: int = 10**9) -> bytes:
    return b"".join(unpack(pieces(data, size), gzip=True, max_bytes=max_bytes))


def test_it_works() -> None:
    lines = b'{"text": "one"}\n{"text": "two"}\n'
    parts = list(cut(unpack([gzip.compress(lines)], gzip=True, max_bytes=100), max_line_bytes=50))
    assert parts == [Part(first_line=1, lines=2, content=lines)]


@pytest.mark.parametrize("size", [1, 7, 1000, 10**7])
def test_every_way_of_slicing_unpacks_to_the_same(size: int) -> None:
    data = b"".join(b"%d\n" % number for number in range(5_000))
    assert unpacked(gzip.compress(data), size) == data


@pytest.mark.parametrize("extra", [0, 1, upload.UNPACK_BYTES - 1])
def test_an_end_on_the_unpacking_bound_is_an_end(extra: int) -> None:
    data = b"a" * (2 * upload.UNPACK_BYTES + extra)
    assert unpacked(gzip.compress(data), 10**6) == data


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_a_byte_order_mark_goes(size: int) -> None:
    data = '\ufeff{"text": "\ufeff"}\n'.encode()
    assert b"".join(unpack(pieces(data, size), gzip=False, max_bytes=100)) == data[3:]
    assert unpacked(gzip.compress(data), size) == data[3:]
    assert unpacked(gzip.compress(b"a"), size) == b"a"


def test_several_members_are_one_stream() -> None:
    assert unpacked(gzip.compress(b"one\n") + gzip.compress(b"two\n")) == b"one\ntwo\n"


@pytest.mark.parametrize("cut_off", [1, 8, 9, 20])
def test_a_truncated_stream_is_refused(cut_off: int) -> None:
    with pytest.raises(UnreadableImport, match="ends too early"):
        unpacked(gzip.compress(b"some text that is long enough")[:-cut_off])


@pytest.mark.parametrize("data", [b"plain text", zlib.compress(b"no gzip header"), b"\x1f\x8bxx"])
def test_what_is_no_gzip_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableImport):
        unpacked(data)


def test_an_empty_stream_is_no_gzip() -> None:
    with pytest.raises(UnreadableImport):
        unpacked(b"")


def test_a_bomb_is_stopped_while_unpacking() -> None:
    bomb = gzip.compress(b"\n" * 50_000_000)
    assert len(bomb) < 100_000
    seen = 0
    with pytest.raises(ImportTooLarge):
        for piece in unpack([bomb], gzip=True, max_bytes=1_000_000):
            seen += len(piece)
            assert len(piece) <= upload.UNPACK_BYTES
    assert seen <= 1_000_000


def test_the_limit_itself_is_allowed() -> None:
    assert b"".join(unpack([b"12345"], gzip=False, max_bytes=5)) == b"12345"
    with pytest.raises(ImportTooLarge):
        list(unpack([b"123456"], gzip=False, max_bytes=5))


def test_parts_hold_whole_lines_and_know_their_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "PART_BYTES", 100)
    data = b"".join(b"line %d\n" % number for number in range(1, 301)) + b"the last, without an end"
    parts = list(cut(pieces(data, 13), max_line_bytes=50))
    assert len(parts) > 10
    assert b"".join(part.content for part in parts) == data
    for part, after in itertools.pairwise(parts):
        assert part.content.endswith(b"\n")
        assert part.content.startswith(b"line %d\n" % part.first_line)
        assert after.first_line == part.first_line + part.lines
    assert parts[-1].first_line + parts[-1].lines - 1 == 301


@pytest.mark.parametrize("end", [b"", b"\n", b"\nmore\n"])
@pytest.mark.parametrize("size", [20, 200])
def test_a_line_over_the_limit_is_refused(
    monkeypatch: pytest.MonkeyPatch, end: bytes, size: int
) -> None:
    monkeypatch.setattr(upload, "PART_BYTES", size)
    with pytest.raises(UnreadableImport, match="line 3 is longer than 50 bytes"):
        list(cut(pieces(b"one\ntwo\n" + b"x" * 51 + end), max_line_bytes=50))
