"""Finds phone numbers, which nothing proves: by how they are written, and by words before them."""

import re
from collections.abc import Iterator

JOIN = r"[ \u00a0\u202f./-]{0,3}"
"""Between groups of digits; a bracket may stand there, too."""

DIGITS = range(7, 16)
"""E.164 allows 15."""

EXTENSION = r"(?:\s?(?:ext\.?|extension|x|#|durchwahl|app\.)\s?\d{1,6}(?!\w))?"
PREFIX = r"(?<![\w+@])(?<![\d\]][.,/:=-])(?<!\d{4} )"

FORMATS = (
    # +49 (0)30 1234-567, 0033 1 23 45 67 89
    (
        rf"(?:\+|\(\+|00(?=[1-9])){JOIN}\d{{1,4}}\)?"
        rf"(?:{JOIN}\(\d{{1,5}}\))?(?:{JOIN}\d{{1,14}}+){{1,7}}"
    ),
    # (212) 555-0123, 1 212.555.0123
    r"(?:1[ .-])?\(\d{3}\)[ .-]?\d{3}[ .-]?\d{4}",
    r"(?:1[ .-])?[2-9]\d{2}(?P<dash>[ .-])[2-9]\d{2}(?P=dash)\d{4}",
    # 030/1234567, (0171) 123 45 67, 01 23 45 67 89, 020 7946 0958, 07700900123
    r"\(?0[1-9]\d{0,4}\)?(?:[ \u00a0\u202f./-]{1,3}\d{2,8}){1,5}",
    r"0[1-9]\d{8,9}",
)

WRITTEN = re.compile(
    rf"{PREFIX}(?>{'|'.join(FORMATS)}){EXTENSION}(?!\w)(?![.,/:-]\d)", re.IGNORECASE
)

NUMBER = re.compile(
    rf"(?<![\w+])\+?\(?\d{{1,15}}+\)?(?:{JOIN}\(?\d{{1,8}}+\)?){{0,7}}+{EXTENSION}(?!\w)(?![.,]\d)",
    re.IGNORECASE,
)

NAMED = re.compile(
    r"(?<!\w)(?:tel(?:e(?:phone|fon|fono))?|phone|mobile?|mob|cell|call(?: me)?(?: at| on)?|fax"
    r"|whatsapp|sms|text(?: me)? (?:at|on)|handy|t[ée]l[ée]phone|tél|ph|m[óo]vil|rufnummer|hotline"
    r"|ring(?: me)?(?: at| on)?)(?!\w)\.?"
    r"(?:[ \t]?(?:number|no|nr|n°|is|ist|:|=|#)\.?){0,3}[ \t:=#]{1,3}$",
    re.IGNORECASE,
)
"""What stands before a number that is written in no special way."""

NAMED_CHARS = 32

DATE = re.compile(
    r"\d{1,2}(?P<mark>[./-])\d{1,2}(?P=mark)(?:\d{4}|\d{2})(?!(?P=mark)?\d)|\d{4}-\d\d-\d\d"
)


def find_phones(text: str) -> Iterator[tuple[int, int]]:
    """Spans of phone numbers that are written as such: international ones, and those of North
    America and of countries whose numbers begin with 0; and of 7 or more digits behind a word such
    as `tel`.
    """
    if not re.search(r"\d", text):
        return
    for match in WRITTEN.finditer(text):
        if _is_phone(match[0]):
            yield match.span()
    for match in NUMBER.finditer(text):
        start = match.start()
        named = NAMED.search(text, max(0, start - NAMED_CHARS), start)
        if named and _is_phone(match[0]):
            yield match.span()


def _is_phone(text: str) -> bool:
    number = re.split(r"[a-z#]", text, maxsplit=1, flags=re.IGNORECASE)[0]
    digits = re.sub(r"\D", "", number)
    return len(digits) in DIGITS and len(set(digits)) > 1 and not DATE.match(number.strip("("))
