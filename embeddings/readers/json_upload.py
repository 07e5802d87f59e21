"""An uploaded array of JSON objects, as the lines of JSON that imports are kept in."""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import orjson

from embeddings.exceptions import UnreadableImport


def json_as_lines(pieces: Iterable[bytes], *, max_bytes: int) -> Iterator[bytes]:
    """A line for each element. The array is read as a whole: larger ones than `max_bytes` have to
    come as lines. Raises UnreadableImport.
    """
    content = bytearray()
    for piece in pieces:
        content += piece
        if len(content) > max_bytes:
            raise UnreadableImport(
                reason=f"an array of more than {max_bytes} bytes. Send one object on each line."
            )
    try:
        elements = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise UnreadableImport(
            reason=f"it is not valid JSON; see line {error.lineno}, column {error.colno}."
        ) from None
    if not isinstance(elements, list):
        raise UnreadableImport(reason="it is no array of JSON objects.")
    for element in elements:
        yield orjson.dumps(element) + b"\n"


def first_elements(head: str, *, most: int) -> list[Any]:
    """Those elements that are whole in the beginning of an array."""
    decoder = json.JSONDecoder()
    elements: list[Any] = []
    at = head.find("[") + 1
    with suppress(ValueError, RecursionError):  # what is left is no whole element
        while at and len(elements) < most:
            while head[at : at + 1] in (",", " ", "\n", "\r", "\t"):
                at += 1
            element, at = decoder.raw_decode(head, at)
            elements.append(element)
    return elements
