"""Puts `[EMAIL]`, `[PHONE]`… in the place of what the finders find; nothing leads back."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter

from embeddings.redaction.addresses import find_emails, find_ips
from embeddings.redaction.numbers import find_cards, find_ibans
from embeddings.redaction.phones import find_phones

Span = tuple[int, int]

Finder = Callable[[str], Iterator[Span]]
"""Finds spans `text[start:end]`."""

PATTERNS: dict[str, Finder] = {
    "email": find_emails,
    "iban": find_ibans,
    "card": find_cards,
    "ip": find_ips,
    "phone": find_phones,
}
"""By the kind that they find. Of two that overlap the earlier here keeps its span: its check says
more."""


MARK = re.compile(r"\[(?:EMAIL|IBAN|CARD|IP|PHONE|NAME)\]")


def redact_text(text: str, *, kinds: Sequence[str], names: Finder | None = None) -> str:
    """The text with all that is of these kinds replaced by the kind's name; `names` finds those of
    the kind `name`. To redact it again changes nothing, as far as `names` does not change its mind.
    All kinds but names take 0.4 ms for a thousand characters of prose on one core.
    """
    finders = [(kind, finder) for kind, finder in PATTERNS.items() if kind in kinds]
    # What stood beside a found one may be found only now that it is gone.
    while (redacted := _redact_once(text, finders)) != text:
        text = redacted
    if names is not None and "name" in kinds:
        # What already stands for something is kept: to some it looks like a name.
        text = _redact_once(text, [("", _find_marks), ("name", names)])
    return text


def _find_marks(text: str) -> Iterator[Span]:
    for match in MARK.finditer(text):
        yield match.span()


def find_all(text: str, finders: Sequence[tuple[str, Finder]]) -> list[tuple[int, int, str]]:
    """Start, end and kind of what the finders find, none over another, in order; the earlier finder
    goes first.
    """
    found: list[tuple[int, int, str]] = []
    for kind, finder in finders:
        spans = _merged(finder(text))
        found += [(*span, kind) for span in spans if not _overlaps(span, found)]
        found.sort()
    return found


def _redact_once(text: str, finders: Sequence[tuple[str, Finder]]) -> str:
    found = find_all(text, finders)
    if not found:
        return text
    parts: list[str] = []
    at = 0
    for start, end, kind in found:
        parts += [text[at:start], f"[{kind.upper()}]" if kind else text[start:end]]
        at = end
    return "".join([*parts, text[at:]])


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _overlaps(span: Span, taken: Sequence[tuple[int, int, str]]) -> bool:
    start, end = span
    first = bisect_right(taken, start, key=itemgetter(1))  # that ends behind our start
    return first < len(taken) and taken[first][0] < end
