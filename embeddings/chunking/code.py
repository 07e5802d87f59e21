"""Cuts between the parts of a program, by its syntax tree."""

import itertools
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module

import numpy as np
from numpy.typing import NDArray
from tree_sitter import Language, Node, Parser

from embeddings.chunking.cuts import BETWEEN_LINES, WITHIN_LINES, Cuts, make_cuts

PIECE_CHARS = 1_000_000
"""Parsed at once: a tree takes some ten times the memory of its text."""

READ_BYTES = 65_536
CHECKS = 1_000
BYTES_PER_CHECK = 32
"""How often the parser may ask whether to go on, which it does once in 60 to 300 bytes of programs,
and six times a byte where it looks for syntax in what is none: 25 s for 20,000 bytes."""

_LINE = re.compile(r"^[^\S\n]*(?=\S)", re.MULTILINE)


def code_cuts(text: str, *, starts: NDArray[np.int64], language: str, small: int) -> Cuts:
    """Between the nodes of the syntax tree, best outermost and behind an empty line; within nodes
    of more than `small` tokens alone. For want of nodes between lines, words and tokens.
    """
    parser = Parser(_language(language))
    found = [
        (at, level)
        for start, end in _pieces(text)
        for at, level in _node_cuts(parser, text, start, end, starts=starts, small=small)
    ]
    nodes = np.array(found, dtype=np.int64).reshape(-1, 2)
    lines = np.fromiter((match.end() for match in _LINE.finditer(text)), dtype=np.int64)
    return make_cuts(text, starts, (nodes[:, 0], nodes[:, 1]), (lines, BETWEEN_LINES))


@cache
def _language(name: str) -> Language:
    grammar = import_module(f"tree_sitter_{name}")
    load = getattr(grammar, f"language_{name}", None) or grammar.language
    return Language(load())


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(text):
        end = min(len(text), start + PIECE_CHARS)
        if end < len(text):
            end = text.rfind("\n", start, end) + 1 or end
        yield start, end
        start = end


def _node_cuts(
    parser: Parser, text: str, start: int, end: int, *, starts: NDArray[np.int64], small: int
) -> Iterator[tuple[int, int]]:
    code = text[start:end].encode()
    # The byte at which each character begins, and from there each token.
    leads = np.flatnonzero((np.frombuffer(code, dtype=np.uint8) & 0xC0) != 0x80)
    first, last = np.searchsorted(starts, [start, end])
    tokens = leads[starts[first:last] - start]
    for node, depth in _children(_parsed(parser, code), tokens, small):
        at = start + int(np.searchsorted(leads, node.start_byte))
        if at < end:
            yield at, 2 * depth + _fault(text, at)


def _parsed(parser: Parser, code: bytes) -> Node | None:
    """The root of the tree; None where that would take too long, as it may for no program."""
    checks = itertools.count()
    limit = CHECKS + len(code) // BYTES_PER_CHECK
    try:
        return parser.parse(
            lambda at, _: code[at : at + READ_BYTES],
            progress_callback=lambda *_: next(checks) > limit,
        ).root_node
    except ValueError:
        parser.reset()
        return None


def _children(
    root: Node | None, tokens: NDArray[np.int64], small: int
) -> Iterator[tuple[Node, int]]:
    """The children of nodes of more than `small` tokens with their depths; in place of a body,
    which nothing should part from its head, its own children.
    """
    stack = [(root, 1)] if root else []
    while stack:  # generated code nests deeper than Python calls
        node, depth = stack.pop()
        bodies = [node.child_by_field_name(name) for name in ("body", "consequence")]
        for child in node.children:
            if child not in bodies:
                yield child, depth
            first, last = np.searchsorted(tokens, [child.start_byte, child.end_byte])
            if last - first > small or child in bodies:
                stack.append((child, depth + 1))


def _fault(text: str, at: int) -> int:
    """0 behind an empty line, 1 at the beginning of a line, WITHIN_LINES elsewhere."""
    lines = 0
    while at and text[at - 1].isspace():
        at -= 1
        lines += text[at] == "\n"
    return {0: WITHIN_LINES, 1: 1}.get(lines, 0) if at else 0
