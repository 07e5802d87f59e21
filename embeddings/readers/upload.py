"""An uploaded stream of lines, unpacked and cut into parts without ever being held as a whole."""

import zlib
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from embeddings.exceptions import ImportTooLarge, UnreadableImport

PART_BYTES = 1024 * 1024
UNPACK_BYTES = 64 * 1024
"""Unpacked at a time, so that a small body that unpacks to a huge one is stopped early."""

GZIP = 16 + zlib.MAX_WBITS
"""zlib's code for a gzip header and trailer."""


@dataclass(frozen=True, slots=True)
class Part:
    """Whole lines; `first_line` counts from 1."""

    first_line: int
    lines: int
    content: bytes


def read_body(read: Callable[[int], bytes], *, length: str | None) -> Iterator[bytes]:
    """The body, piece by piece. Raises UnreadableImport when the connection ends before it does, by
    the header's `length` where there is one.
    """
    received = 0
    try:
        while chunk := read(UNPACK_BYTES):
            received += len(chunk)
            yield chunk
    except OSError:
        raise UnreadableImport(reason="the body ends too early.") from None
    if length and length.isdecimal() and received < int(length):
        raise UnreadableImport(reason="the body ends too early.")


def unpack(chunks: Iterable[bytes], *, gzip: bool, max_bytes: int) -> Iterator[bytes]:
    """The stream's plain bytes, without the byte order mark that some editors put in front. Raises
    ImportTooLarge, UnreadableImport.
    """
    size = 0
    for piece in _without_mark(_gunzip(chunks) if gzip else chunks):
        size += len(piece)
        if size > max_bytes:
            raise ImportTooLarge(limit=max_bytes)
        yield piece


def cut(pieces: Iterable[bytes], *, max_line_bytes: int) -> Iterator[Part]:
    """Parts of about PART_BYTES, cut at line ends. Raises UnreadableImport for a line that is too
    long.
    """
    first_line = 1
    rest = bytearray()
    for piece in pieces:
        rest += piece
        if len(rest) < PART_BYTES:
            continue
        end = rest.rfind(b"\n") + 1
        if len(rest) - end > max_line_bytes:
            line = first_line + rest.count(b"\n")
            raise UnreadableImport(reason=f"line {line} is longer than {max_line_bytes} bytes.")
        if end:
            part = _part(first_line, bytes(rest[:end]), max_line_bytes)
            yield part
            first_line += part.lines
            del rest[:end]
    if rest:
        yield _part(first_line, bytes(rest), max_line_bytes)


def _part(first_line: int, content: bytes, max_line_bytes: int) -> Part:
    lines = content.split(b"\n")
    if not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, first_line):
        if len(line) > max_line_bytes:
            raise UnreadableImport(reason=f"line {number} is longer than {max_line_bytes} bytes.")
    return Part(first_line=first_line, lines=len(lines), content=content)


def _without_mark(pieces: Iterable[bytes]) -> Iterator[bytes]:
    rest = iter(pieces)
    head = b""
    for piece in rest:
        head += piece
        if len(head) >= len(BOM_UTF8):
            break
    yield head.removeprefix(BOM_UTF8)
    yield from rest


def _gunzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The plain bytes of one or more gzip members."""
    unpacker = zlib.decompressobj(GZIP)
    ended = False
    try:
        for chunk in chunks:
            data = chunk
            while True:
                piece = unpacker.decompress(data, UNPACK_BYTES)
                yield piece
                data, ended = unpacker.unconsumed_tail, unpacker.eof
                if ended:
                    data = unpacker.unused_data
                    unpacker = zlib.decompressobj(GZIP)
                # A full piece may have left more inside zlib, even with all input consumed.
                if not data and (ended or len(piece) < UNPACK_BYTES):
                    break
    except zlib.error:
        raise UnreadableImport(reason="its Content-Encoding says gzip, but it is not.") from None
    if not ended:
        raise UnreadableImport(reason="the gzip stream ends too early.")
